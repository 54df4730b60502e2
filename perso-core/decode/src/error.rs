//! What can be wrong with a call.

use core::num::NonZeroU32;

/// Why a call could not be read, and where in its text (0 where it is no text).
///
/// One word, because nearly all that the decoder does may fail: the code in the low byte, the offset above it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Error(NonZeroU32);

// The offset of an error that is noticed at the end of the longest text has to fit.
const _: () = assert!(crate::limits::INPUT_BYTES < 1 << 24);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $class:ident, $message:literal;)*) => {
        /// What is wrong with a call. The numbers are part of the module's ABI.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Code { $($(#[$doc])* $name = $number,)* }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// What kind of fault it is.
            #[must_use]
            pub const fn class(self) -> Class {
                match self { $(Self::$name => Class::$class,)* }
            }

            /// The fault in words, without anything of the call.
            #[must_use]
            pub const fn message(self) -> &'static str {
                match self { $(Self::$name => $message,)* }
            }
        }
    };
}

codes! {
    /// Invalid UTF-8.
    Encoding = 1, Malformed, "not UTF-8";
    /// Something else stands where the grammar wants a token.
    Syntax = 2, Malformed, "not JSON";
    /// The text ends too early.
    End = 3, Malformed, "the text ends before the call does";
    /// A character below U+0020 in a string.
    Control = 4, Malformed, "a control character in a string";
    /// A backslash with something else than JSON allows.
    Escape = 5, Malformed, "an invalid escape in a string";
    /// Half of a surrogate pair.
    Surrogate = 6, Malformed, "a lone surrogate in a string";
    /// A number that JSON does not allow.
    Number = 7, Malformed, "an invalid number";
    /// Something behind the value.
    Trailing = 8, Malformed, "text after the call";
    /// The call is no object.
    Call = 9, Malformed, "a call must be an object";
    /// A top-level key that calls do not have.
    Key = 10, Malformed, "a top-level key other than tool, args, agent, resource, context and session";
    /// The same key twice, where the policy reads.
    Duplicate = 11, Malformed, "duplicate key in an object";
    /// A key that others could take for one that the policy reads.
    Variant = 12, Malformed, "a key differs only by case from one that the policy reads";
    /// No tool.
    NoTool = 13, Malformed, "the tool is missing";
    /// The tool is no string.
    Tool = 14, Malformed, "the tool must be a string";
    /// A part that is neither an object nor null.
    Part = 15, Malformed, "args, agent, resource, context and session must be objects";
    /// Over [`limits::INPUT_BYTES`](crate::limits::INPUT_BYTES).
    Size = 16, Limit, "more than 1048576 bytes";
    /// Over [`limits::DEPTH`](crate::limits::DEPTH).
    Depth = 17, Limit, "nested deeper than 64 levels";
    /// Over [`limits::TOOL_BYTES`](crate::limits::TOOL_BYTES).
    ToolSize = 18, Limit, "a tool name of more than 256 bytes";
    /// The memory for reading is full: try again with more, up to
    /// [`limits::WORK_BYTES`](crate::limits::WORK_BYTES).
    Heap = 19, Limit, "more than 16777216 bytes of memory to read it";
    /// The table is not one.
    Table = 20, Engine, "the module's table is damaged";
    /// The host says of a part of the call what cannot be said of it.
    Unknown = 21, Engine, "the host refers to unknown parts";
}

/// Kinds of faults, in the order in which a module's record numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The call is not what a call must be.
    Malformed,
    /// The call is over a limit.
    Limit,
    /// Not the call's fault.
    Engine,
}

impl Error {
    const fn new(code: Code, offset: usize) -> Self {
        match NonZeroU32::new(code as u32 | (offset as u32) << 8) {
            Some(word) => Self(word),
            // No code is 0.
            None => Self(NonZeroU32::MIN),
        }
    }

    /// What is wrong.
    #[must_use]
    pub fn code(self) -> Code {
        Code::ALL.iter().copied().find(|code| self.is(*code)).unwrap_or(Code::Table)
    }

    /// What kind of fault it is.
    #[must_use]
    pub const fn class(self) -> Class {
        // The codes are in the order of their classes.
        if self.number() <= Code::Part as u32 {
            Class::Malformed
        } else if self.number() <= Code::Heap as u32 {
            Class::Limit
        } else {
            Class::Engine
        }
    }

    /// Whether it is this.
    #[must_use]
    pub const fn is(self, code: Code) -> bool {
        self.number() == code as u32
    }

    /// The number of what is wrong.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0.get() & 0xff
    }

    /// The byte at which it was noticed.
    #[must_use]
    pub const fn offset(self) -> usize {
        (self.0.get() >> 8) as usize
    }

    /// The same fault, which was [anywhere](Code::anywhere), at a byte.
    #[must_use]
    pub(crate) fn at(self, offset: usize) -> Self {
        Self(self.0 | (offset as u32) << 8)
    }
}

impl core::fmt::Debug for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Error").field("code", &self.code()).field("offset", &self.offset()).finish()
    }
}

impl Code {
    /// The error that a part of a call which is no text has with this code.
    #[must_use]
    pub const fn anywhere(self) -> Error {
        Error::new(self, 0)
    }

    /// The error at a byte of the text.
    #[must_use]
    pub const fn at(self, offset: usize) -> Error {
        Error::new(self, offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_of_its_codes_class() {
        for code in Code::ALL {
            let error = code.at(7);
            assert_eq!((error.code(), error.offset(), error.class()), (*code, 7, code.class()));
            assert_eq!(code.anywhere().at(7), error);
        }
    }
}
