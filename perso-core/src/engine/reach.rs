//! What of a module's code can run here, where only the fast entry is used: the rest is not given to the interpreter,
//! which would keep it for every instance.

use std::ops::Range;
use wasm_encoder::{CodeSection, Section};
use wasmparser::{BinaryReaderError, ElementItems, ElementSectionReader, FunctionBody, Operator};

/// The code of a module.
#[derive(Default)]
pub(super) struct Code<'m> {
    /// Where its section is, header included.
    pub(super) section: Range<usize>,
    pub(super) bodies: Vec<FunctionBody<'m>>,
}

impl Code<'_> {
    /// Which functions can be called, if these can.
    pub(super) fn reached(&self, mut functions: Vec<u32>) -> Result<Reached, BinaryReaderError> {
        let mut reached = Reached { functions: vec![false; self.bodies.len()], grows: false };
        while let Some(function) = functions.pop() {
            let function = function as usize;
            let (Some(body), Some(is_seen)) = (self.bodies.get(function), reached.functions.get_mut(function)) else {
                continue;
            };
            if std::mem::replace(is_seen, true) {
                continue;
            }
            for operator in body.get_operators_reader()? {
                match operator? {
                    Operator::MemoryGrow { .. } | Operator::TableGrow { .. } => reached.grows = true,
                    Operator::Call { function_index } | Operator::RefFunc { function_index } => {
                        functions.push(function_index);
                    }
                    _ => {}
                }
            }
        }
        Ok(reached)
    }

    /// The module, with a trap in the place of each function that cannot be reached.
    pub(super) fn without_the_rest(&self, module: &[u8], reached: &Reached) -> Vec<u8> {
        // No locals, and `unreachable`.
        const TRAP: [u8; 3] = [0, 0x00, 0x0b];
        let mut code = CodeSection::new();
        for (body, is_reached) in self.bodies.iter().zip(&reached.functions) {
            code.raw(if *is_reached { body.as_bytes() } else { &TRAP });
        }
        let mut rest = module.get(..self.section.start).unwrap_or_default().to_vec();
        code.append_to(&mut rest);
        rest.extend(module.get(self.section.end..).unwrap_or_default());
        rest
    }
}

/// What of a module's code can run.
pub(super) struct Reached {
    functions: Vec<bool>,
    /// Whether it can make memory or a table grow. A policy's code has no need to: the engine makes room for a frame. And
    /// each time takes a piece of the host's own stack in the interpreter, until the code returns to the host: in a loop,
    /// the stack would overflow before the fuel ends.
    pub(super) grows: bool,
}

/// The functions that can be called through a table.
pub(super) fn in_tables(elements: ElementSectionReader<'_>) -> Result<Vec<u32>, BinaryReaderError> {
    let mut functions = Vec::new();
    for element in elements {
        match element?.items {
            ElementItems::Functions(indices) => {
                for function in indices {
                    functions.push(function?);
                }
            }
            ElementItems::Expressions(_, expressions) => {
                for expression in expressions {
                    for operator in expression?.get_operators_reader() {
                        if let Operator::RefFunc { function_index } = operator? {
                            functions.push(function_index);
                        }
                    }
                }
            }
        }
    }
    Ok(functions)
}
