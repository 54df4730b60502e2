//! The prelude: the code that every module begins with, built ahead of time from `perso-core/prelude`. Here it is taken
//! apart, so that it can be put before the code of a policy.

use std::collections::{BTreeMap, HashMap};
use wasm_encoder::reencode::{Error, Reencode};
use wasm_encoder::{CodeSection, ConstExpr, DataSection, TypeSection};
use wasmparser::{
    BinaryReaderError, DataKind, ExternalKind, FuncType, FunctionBody, Operator, Parser, Payload, TypeRef,
};

/// Built by `perso-core/prelude/build.sh`.
const BYTES: &[u8] = include_bytes!("../../prelude/prelude.wasm");

/// The prelude's parts.
#[derive(Default)]
pub(super) struct Prelude {
    /// Where its stack begins.
    pub(super) stack: u32,
    /// The first address that it does not use.
    pub(super) heap_base: u32,
    types: Vec<FuncType>,
    /// What the compiler must supply, by name; these are its first functions.
    imports: Vec<&'static str>,
    /// The types of its own functions.
    functions: Vec<u32>,
    bodies: Vec<FunctionBody<'static>>,
    exports: HashMap<&'static str, u32>,
    /// Constants: where they go, and what they are.
    data: Vec<(i32, &'static [u8])>,
}

/// The value of a constant expression.
fn constant(expression: &wasmparser::ConstExpr<'_>) -> Result<i32, BinaryReaderError> {
    match expression.get_operators_reader().read()? {
        Operator::I32Const { value } => Ok(value),
        _ => Ok(0),
    }
}

impl Prelude {
    /// Takes the prelude apart.
    pub(super) fn new() -> Self {
        #[expect(clippy::expect_used, reason = "the bytes are a constant, which a test holds against its sources")]
        Self::read().expect("the prelude is valid WebAssembly")
    }

    fn read() -> Result<Self, BinaryReaderError> {
        let mut prelude = Self::default();
        let mut globals = Vec::new();
        for payload in Parser::new(0).parse_all(BYTES) {
            match payload? {
                Payload::TypeSection(types) => {
                    for ty in types.into_iter_err_on_gc_types() {
                        prelude.types.push(ty?);
                    }
                }
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        let import = import?;
                        if matches!(import.ty, TypeRef::Func(_)) {
                            prelude.imports.push(import.name);
                        }
                    }
                }
                Payload::FunctionSection(functions) => {
                    for ty in functions {
                        prelude.functions.push(ty?);
                    }
                }
                Payload::GlobalSection(section) => {
                    for global in section {
                        globals.push(constant(&global?.init_expr)?);
                    }
                }
                Payload::ExportSection(exports) => {
                    for export in exports {
                        let export = export?;
                        match export.kind {
                            ExternalKind::Func => _ = prelude.exports.insert(export.name, export.index),
                            ExternalKind::Global if export.name == "__heap_base" => {
                                prelude.heap_base = globals.get(export.index as usize).copied().unwrap_or(0) as u32;
                            }
                            _ => {}
                        }
                    }
                }
                Payload::DataSection(segments) => {
                    for segment in segments {
                        let segment = segment?;
                        if let DataKind::Active { offset_expr, .. } = &segment.kind {
                            prelude.data.push((constant(offset_expr)?, segment.data));
                        }
                    }
                }
                Payload::CodeSectionEntry(body) => prelude.bodies.push(body),
                _ => {}
            }
        }
        // The linker's first global is the stack pointer.
        prelude.stack = globals.first().copied().unwrap_or(0) as u32;
        Ok(prelude)
    }

    /// Adds the constants.
    pub(super) fn write_data(&self, data: &mut DataSection) {
        for (address, bytes) in &self.data {
            data.active(0, &ConstExpr::i32_const(*address), bytes.iter().copied());
        }
    }

    /// Lays out the functions behind `first` others. `supplied` has what stands for each import.
    pub(super) fn place(&self, first: u32, supplied: &BTreeMap<&str, u32>) -> Placed<'_> {
        let imports = self.imports.iter().map(|name| supplied.get(name).copied().unwrap_or(0));
        let own = (first..).take(self.functions.len());
        Placed { prelude: self, indices: imports.chain(own).collect(), types: Vec::new() }
    }
}

/// The prelude at its place in a module.
pub(super) struct Placed<'p> {
    prelude: &'p Prelude,
    /// The module's index of each of its functions, the imports first.
    indices: Vec<u32>,
    /// The module's index of each of its types.
    types: Vec<u32>,
}

impl Placed<'_> {
    /// How many functions it has.
    pub(super) fn len(&self) -> u32 {
        self.prelude.functions.len() as u32
    }

    /// The module's index of an exported function.
    pub(super) fn function(&self, name: &str) -> u32 {
        let index = self.prelude.exports.get(name).and_then(|index| self.indices.get(*index as usize));
        index.copied().unwrap_or(0)
    }

    /// Adds its types.
    pub(super) fn write_types(&mut self, types: &mut TypeSection) {
        for ty in &self.prelude.types {
            self.types.push(types.len());
            let values = |types: &[wasmparser::ValType]| -> Vec<wasm_encoder::ValType> {
                types.iter().filter_map(|ty| wasm_encoder::ValType::try_from(*ty).ok()).collect()
            };
            types.ty().function(values(ty.params()), values(ty.results()));
        }
    }

    /// The types of its functions.
    pub(super) fn function_types(&self) -> impl Iterator<Item = u32> {
        self.prelude.functions.iter().map(|ty| self.types.get(*ty as usize).copied().unwrap_or(0))
    }

    /// Adds its code.
    pub(super) fn write_code(&mut self, code: &mut CodeSection) {
        for body in &self.prelude.bodies {
            #[expect(clippy::expect_used, reason = "the bytes are a constant, which a test holds against its sources")]
            self.parse_function_body(code, body.clone()).expect("the prelude is valid WebAssembly");
        }
    }
}

impl Reencode for Placed<'_> {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, Error<Self::Error>> {
        Ok(self.indices.get(function as usize).copied().unwrap_or(0))
    }

    fn type_index(&mut self, ty: u32) -> Result<u32, Error<Self::Error>> {
        Ok(self.types.get(ty as usize).copied().unwrap_or(0))
    }
}
