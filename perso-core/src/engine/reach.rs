//! Whether code can make memory or a table grow while it judges.
//!
//! A policy's code has no need to: the engine makes room for a frame. And each time takes a piece of the host's own
//! stack in the interpreter, until the code returns to the host: in a loop, the stack would overflow before the fuel ends.

use wasmparser::{BinaryReaderError, ElementItems, ElementSectionReader, FunctionBody, Operator};

/// Whether one of the functions, or one that it can call, makes something grow.
pub(super) fn grows(bodies: &[FunctionBody<'_>], mut functions: Vec<u32>) -> Result<bool, BinaryReaderError> {
    let mut is_seen = vec![false; bodies.len()];
    while let Some(function) = functions.pop() {
        let function = function as usize;
        let (Some(body), Some(is_seen)) = (bodies.get(function), is_seen.get_mut(function)) else { continue };
        if std::mem::replace(is_seen, true) {
            continue;
        }
        for operator in body.get_operators_reader()? {
            match operator? {
                Operator::MemoryGrow { .. } | Operator::TableGrow { .. } => return Ok(true),
                Operator::Call { function_index } | Operator::RefFunc { function_index } => {
                    functions.push(function_index);
                }
                _ => {}
            }
        }
    }
    Ok(false)
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
