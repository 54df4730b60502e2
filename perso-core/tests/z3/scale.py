"""The numbers of a question, by their order.

Tests compare numbers with constants and with one another, so only their order matters. For Z3, the constant with the index
`i` is the number `i`, and the numbers between two constants are the reals between `i` and `i + 1`. Between reals there are
always more, but between numbers of the language there may be few, or none. Where there are fewer between two constants than a
call could need, each of them counts as a constant, and the reals between neighbours are left out.
"""

from decimal import Context, Decimal
from fractions import Fraction
from itertools import pairwise

# At most 38 significant digits, and an exponent within ±6144.
CONTEXT = Context(prec=38, Emin=-6144, Emax=6144)
SMALLEST = Decimal("1E-6144")
LARGEST = Decimal("9." + 37 * "9" + "E+6144")


def after(number):
    """The next larger number of the language."""
    larger = number.next_plus(CONTEXT)
    if not larger.is_subnormal(CONTEXT):
        return larger
    return SMALLEST if number >= 0 else Decimal(0)


class Scale:
    """The order of the numbers of a question. A call has at most `most` numbers."""

    def __init__(self, constants, most):
        constants = sorted({Decimal(text) for text in constants} | {LARGEST.copy_negate(), LARGEST})
        self.numbers, self.gaps = [], []
        for low, high in pairwise(constants):
            between = [low]
            while len(between) <= most + 1 and between[-1] < high:
                between.append(after(between[-1]))
            if between[-1] == high:
                self.gaps += range(len(self.numbers), len(self.numbers) + len(between) - 1)
                self.numbers += between[:-1]
            else:
                self.numbers.append(low)
        self.numbers.append(LARGEST)
        self.places = {number: place for place, number in enumerate(self.numbers)}

    def place(self, text):
        return self.places[Decimal(text)]

    def texts(self, places):
        """Numbers in the order of these places, which Z3 has chosen."""
        texts, last = {}, {}
        for place in sorted(set(places)):
            below = int(place)
            if Fraction(below) == place:
                number = self.numbers[below]
            else:
                number = last[below] = after(last.get(below, self.numbers[below]))
            texts[place] = str(number)
        return texts
