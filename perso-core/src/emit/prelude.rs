//! The prelude: the code that every module begins with, built ahead of time from `perso-core/prelude`. Here it is taken
//! apart, so that what a policy needs of it can be put before the policy's code.
//!
//! Functions that few policies need have a name in the prelude. Where the policy does not need one, a trap stands in its
//! place, and what only it has called is left out: see [`super::needs`].

use super::needs;
use perso_decode::facet::{command, fold, path, shell, special, sql};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use wasm_encoder::reencode::{Error, Reencode};
use wasm_encoder::{CodeSection, ConstExpr, DataSection, FuncType, Function};
use wasmparser::{BinaryReaderError, DataKind, ExternalKind, FunctionBody, Operator, Parser, Payload, TypeRef};

/// Built by `perso-core/prelude/build.sh`: two that lack some of the functions that can be left out, and what these
/// bring along, and one that lacks nothing.
const BYTES: [&[u8]; 3] = [
    include_bytes!("../../prelude/lean.wasm"),
    include_bytes!("../../prelude/plain.wasm"),
    include_bytes!("../../prelude/prelude.wasm"),
];

/// The functions that a module's entries call.
pub(super) const ROOM: &str = "room";
pub(super) const EVALUATE: &str = "evaluate";

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
    /// Takes the smallest prelude apart that has all that is needed.
    pub(super) fn new(needed: &BTreeSet<&str>) -> Self {
        let mut preludes = BYTES.iter().map(|bytes| {
            #[expect(clippy::expect_used, reason = "the bytes are a constant, which a test holds against its sources")]
            Self::read(bytes).expect("the prelude is valid WebAssembly")
        });
        let has_all = |prelude: &Self| needed.iter().all(|name| prelude.exports.contains_key(name));
        #[expect(clippy::expect_used, reason = "a test holds the names against the whole prelude")]
        preludes.find(has_all).expect("the whole prelude has every function")
    }

    fn read(bytes: &'static [u8]) -> Result<Self, BinaryReaderError> {
        let mut prelude = Self::default();
        let mut globals = Vec::new();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::TypeSection(types) => {
                    for ty in types.into_iter_err_on_gc_types() {
                        let ty = ty?;
                        let values = |types: &[wasmparser::ValType]| -> Vec<wasm_encoder::ValType> {
                            types.iter().filter_map(|ty| wasm_encoder::ValType::try_from(*ty).ok()).collect()
                        };
                        prelude.types.push(FuncType::new(values(ty.params()), values(ty.results())));
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

    /// Adds the constants, without those that only functions use which are not needed.
    pub(super) fn write_data(&self, needed: &BTreeSet<&str>, data: &mut DataSection) {
        let mut add = |address: i32, bytes: &[u8]| {
            if !bytes.is_empty() {
                data.active(0, &ConstExpr::i32_const(address), bytes.iter().copied());
            }
        };
        // Where the tables are that are not needed, and how long they are.
        let folding: Vec<u8> = fold::RUNS.iter().flatten().flat_map(|word| word.to_le_bytes()).collect();
        // A segment does not end in zeros: memory is zero anyway.
        let end = folding.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let folding = folding.get(..end).unwrap_or_default();
        const READ_CHARACTERS: &[&str] = &[
            "address",
            "any_path",
            "contains",
            "folded",
            "path",
            "program",
            "segment",
            "url",
            "windows_path",
            "words",
        ];
        let tables: [(&[&str], &[u8]); 7] = [
            // The front of the core library's table of how long a character is by its first byte.
            (READ_CHARACTERS, &[1; 128]),
            (&["windows_path"], path::DEVICES.as_bytes()),
            (&["url"], &special::TABLE),
            (&["folded"], folding),
            (&["program", "words"], command::OF_THE_SHELL.as_bytes()),
            (&["shell"], &shell::names::TABLE),
            (&["sql"], &sql::words::TABLE),
        ];
        let is_needed = |functions: &[&str]| functions.iter().any(|name| needed.contains(name));
        let unneeded: Vec<&[u8]> =
            tables.into_iter().filter_map(|(functions, table)| (!is_needed(functions)).then_some(table)).collect();
        for (address, bytes) in &self.data {
            let find =
                |table: &&[u8]| Some((bytes.windows(table.len()).position(|window| window == *table)?, table.len()));
            let mut cuts: Vec<(usize, usize)> = unneeded.iter().filter_map(find).collect();
            cuts.sort_unstable();
            let mut from = 0;
            for (at, length) in cuts {
                add(address + from as i32, bytes.get(from..at).unwrap_or_default());
                from = at + length;
            }
            add(address + from as i32, bytes.get(from..).unwrap_or_default());
        }
    }

    /// Lays out what is needed behind `first` other functions. `supplied` has what stands for each import, `needed` the
    /// named functions that are needed.
    pub(super) fn place(&self, first: u32, supplied: &BTreeMap<&str, u32>, needed: &BTreeSet<&str>) -> Placed<'_> {
        #[expect(clippy::expect_used, reason = "the bytes are a constant, which a test holds against its sources")]
        let functions = self.reached(needed).expect("the prelude is valid WebAssembly");
        let imports = (0..).zip(&self.imports).map(|(index, name)| (index, supplied.get(name).copied().unwrap_or(0)));
        let own = functions.keys().copied().zip(first..);
        let indices = imports.chain(own).collect();
        let used = functions.keys().filter_map(|index| self.type_of(*index)).collect();
        Placed { prelude: self, functions, indices, used, types: BTreeMap::new() }
    }

    /// The functions that can be reached, by their index, and whether each does something or is a trap.
    fn reached(&self, needed: &BTreeSet<&str>) -> Result<BTreeMap<u32, bool>, BinaryReaderError> {
        let left_out = needs::OPTIONAL.iter().filter(|name| !needed.contains(*name));
        let left_out: BTreeSet<u32> = left_out.filter_map(|name| self.exports.get(name).copied()).collect();
        let mut next: Vec<u32> = [ROOM, EVALUATE].iter().filter_map(|name| self.exports.get(name).copied()).collect();
        let mut reached = BTreeMap::new();
        while let Some(index) = next.pop() {
            // What the compiler supplies is there anyway.
            let Some(body) = self.body(index) else { continue };
            let works = !left_out.contains(&index);
            if reached.insert(index, works).is_some() || !works {
                continue;
            }
            for operator in body.get_operators_reader()? {
                if let Operator::Call { function_index } = operator? {
                    next.push(function_index);
                }
            }
        }
        Ok(reached)
    }

    fn own(&self, index: u32) -> Option<usize> {
        (index as usize).checked_sub(self.imports.len())
    }

    fn body(&self, index: u32) -> Option<&FunctionBody<'static>> {
        self.bodies.get(self.own(index)?)
    }

    fn type_of(&self, index: u32) -> Option<u32> {
        self.functions.get(self.own(index)?).copied()
    }
}

/// What a module has of the prelude, at its place in the module.
pub(super) struct Placed<'p> {
    prelude: &'p Prelude,
    /// By the prelude's index, whether each does something or is a trap.
    functions: BTreeMap<u32, bool>,
    /// The module's index of each function, what is supplied included.
    indices: BTreeMap<u32, u32>,
    /// The types of the functions.
    used: BTreeSet<u32>,
    /// The module's index of each type.
    types: BTreeMap<u32, u32>,
}

impl Placed<'_> {
    /// How many functions it has.
    pub(super) fn len(&self) -> u32 {
        self.functions.len() as u32
    }

    /// The module's index of a function by its name.
    pub(super) fn function(&self, name: &str) -> u32 {
        let index = self.prelude.exports.get(name).and_then(|index| self.indices.get(index));
        index.copied().unwrap_or(0)
    }

    /// Adds those of its types that are not there yet.
    pub(super) fn add_types(&mut self, types: &mut Vec<FuncType>) {
        for index in &self.used {
            let Some(ty) = self.prelude.types.get(*index as usize) else { continue };
            let at = types.iter().position(|known| known == ty).unwrap_or_else(|| {
                types.push(ty.clone());
                types.len() - 1
            });
            self.types.insert(*index, at as u32);
        }
    }

    /// The types of its functions.
    pub(super) fn function_types(&self) -> impl Iterator<Item = u32> {
        let ty = |index: &u32| self.types.get(&self.prelude.type_of(*index)?).copied();
        self.functions.keys().map(move |index| ty(index).unwrap_or(0))
    }

    /// Adds its code.
    pub(super) fn write_code(&mut self, code: &mut CodeSection) {
        for (index, works) in self.functions.clone() {
            match self.prelude.body(index) {
                #[expect(
                    clippy::expect_used,
                    reason = "the bytes are a constant, which a test holds against its sources"
                )]
                Some(body) if works => {
                    self.parse_function_body(code, body.clone()).expect("the prelude is valid WebAssembly");
                }
                _ => {
                    let mut trap = Function::new([]);
                    trap.instructions().unreachable().end();
                    code.function(&trap);
                }
            }
        }
    }
}

impl Reencode for Placed<'_> {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, Error<Self::Error>> {
        Ok(self.indices.get(&function).copied().unwrap_or(0))
    }

    /// Block types.
    fn type_index(&mut self, ty: u32) -> Result<u32, Error<Self::Error>> {
        Ok(self.types.get(&ty).copied().unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// That only what needs a function has its table. `beside` is needed as well.
    fn assert_only_with(needed: &'static str, beside: &'static str, table: &[u8]) {
        let whole = Prelude::new(&BTreeSet::from(needs::OPTIONAL));
        let bytes = |needed: &[&'static str]| {
            let mut data = DataSection::new();
            whole.write_data(&needed.iter().copied().collect(), &mut data);
            let mut bytes = Vec::new();
            wasm_encoder::Encode::encode(&data, &mut bytes);
            bytes
        };
        let has_table = |bytes: &[u8]| bytes.windows(table.len()).any(|window| window == table);
        let (with, without) = (bytes(&[needed, beside]), bytes(&[beside]));
        assert!(has_table(&with) && !has_table(&without));
        assert!(without.len() + table.len() < with.len() + 16, "{} {}", without.len(), with.len());
    }

    #[test]
    fn only_modules_that_read_urls_have_the_names_of_special_hosts() {
        assert_only_with("url", "path", &special::TABLE);
    }

    #[test]
    fn only_modules_that_read_shell_lines_have_the_names_that_shells_know() {
        assert_only_with("shell", "words", &shell::names::TABLE);
    }

    #[test]
    fn only_modules_that_read_sql_have_its_words() {
        assert_only_with("sql", "elements", &sql::words::TABLE);
    }

    #[test]
    fn every_function_that_can_be_left_out_is_there_and_calls_are_direct() {
        let whole = Prelude::new(&BTreeSet::from(needs::OPTIONAL));
        let lean = Prelude::new(&BTreeSet::new());
        assert!(lean.exports.len() < whole.exports.len());
        for body in whole.bodies.iter().chain(&lean.bodies) {
            for operator in body.get_operators_reader().unwrap() {
                let operator = operator.unwrap();
                // What calls another way, or takes a block's type from the list, `reached` and `add_types` do not see.
                assert!(!matches!(operator, Operator::CallIndirect { .. } | Operator::ReturnCall { .. }));
                let block = match operator {
                    Operator::Block { blockty } | Operator::Loop { blockty } | Operator::If { blockty } => blockty,
                    _ => continue,
                };
                assert!(!matches!(block, wasmparser::BlockType::FuncType(_)));
            }
        }
    }
}
