//! The part of a module that can run here, where only the fast entry is used. The interpreter does not get the rest, because it
//! would keep it for every instance.

use std::ops::Range;
use wasm_encoder::{CodeSection, DataSection, Section};
use wasmparser::{BinaryReaderError, Data, DataKind, ElementItems, ElementSectionReader, FunctionBody, Operator};

/// The code and the data of a module.
#[derive(Default)]
pub(super) struct Code<'m> {
    /// Where the code section is, header included.
    pub(super) section: Range<usize>,
    pub(super) bodies: Vec<FunctionBody<'m>>,
    /// Where the data section is, header included.
    pub(super) data_section: Range<usize>,
    pub(super) segments: Vec<Data<'m>>,
}

impl Code<'_> {
    /// Which functions can be called, if these can.
    pub(super) fn reached(&self, mut functions: Vec<u32>) -> Result<Reached, BinaryReaderError> {
        let mut reached = Reached { functions: vec![false; self.bodies.len()], grows: false, reads_data: false };
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
                    Operator::MemoryInit { .. } => reached.reads_data = true,
                    Operator::Call { function_index } | Operator::RefFunc { function_index } => {
                        functions.push(function_index);
                    }
                    _ => {}
                }
            }
        }
        Ok(reached)
    }

    /// The module, with a trap in the place of each function that cannot be reached, and nothing in the place of data that no
    /// function can read.
    pub(super) fn without_the_rest(&self, module: &[u8], reached: &Reached) -> Vec<u8> {
        // No locals, and `unreachable`.
        const TRAP: [u8; 3] = [0, 0x00, 0x0b];
        let mut code = CodeSection::new();
        for (body, is_reached) in self.bodies.iter().zip(&reached.functions) {
            code.raw(if *is_reached { body.as_bytes() } else { &TRAP });
        }
        let mut data = DataSection::new();
        for segment in &self.segments {
            if matches!(segment.kind, DataKind::Passive) && !reached.reads_data {
                data.passive([]);
            } else {
                data.raw(module.get(segment.range.start as usize..segment.range.end as usize).unwrap_or_default());
            }
        }
        let between = |from: usize, to: usize| module.get(from..to).unwrap_or_default();
        let mut rest = between(0, self.section.start).to_vec();
        code.append_to(&mut rest);
        rest.extend(between(self.section.end, self.data_section.start));
        data.append_to(&mut rest);
        // Behind the data are custom sections, which nothing runs.
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
    /// Whether it can read the passive data segments: the table and the reasons, which the engine reads itself.
    reads_data: bool,
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
