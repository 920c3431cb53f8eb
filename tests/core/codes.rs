//! The codes that cross to JavaScript as numbers: `pkg-template/src/core/codes.ts` is made from what Rust declares.

use std::any::type_name;
use std::fmt::Debug;

use mcp_longhaul::method::{Side, TABLE};
use mcp_longhaul::receiver::{
    AugmentationCode, Happening, OutcomeCode, RequestContext, RequestFault, Shape, Stop, Trouble, Withdrawal,
};
use mcp_longhaul::storage::{CompletionCode, PartCode, SourceCode, WriteCode};
use mcp_longhaul::task::Phase;
use mcp_longhaul::wire::capability::Capabilities;
use mcp_longhaul::wire::{Generation, Name, Part, ReplyKind};

const CODES: &str = include_str!("../../pkg-template/src/core/codes.ts");

/// Every code that TypeScript knows by name.
fn codes() -> String {
    [
        "// Made from the enums of the core by `npm run codes`; docs/decisions/boundary.md says how.\n".to_owned(),
        code(AugmentationCode::from_repr),
        code(CompletionCode::from_repr),
        code(Generation::from_number),
        code(OutcomeCode::from_repr),
        code(Part::from_repr),
        code(PartCode::from_repr),
        code(Phase::from_repr),
        code(ReplyKind::from_repr),
        code(RequestFault::from_repr),
        code(SourceCode::from_repr),
        code(Stop::from_repr),
        code(Trouble::from_repr),
        code(Withdrawal::from_repr),
        code(WriteCode::from_repr),
        flags("AnswerShape", &[("Elicited", Shape::ELICITED), ("Sampled", Shape::SAMPLED), ("Roots", Shape::ROOTS)]),
        flags("RequestFlag", &[("Lists", RequestContext::LISTS)]),
        flags(
            "Capability",
            &[
                ("Tasks", Capabilities::TASKS.bits()),
                ("Elicit", Capabilities::ELICIT.bits()),
                ("ElicitUrl", Capabilities::ELICIT_URL.bits()),
                ("Sampling", Capabilities::SAMPLING.bits()),
                ("SamplingTools", Capabilities::SAMPLING_TOOLS.bits()),
                ("Roots", Capabilities::ROOTS.bits()),
            ],
        ),
        happenings(),
        call_methods(),
        names(),
    ]
    .concat()
}

/// An enum as TypeScript: the numbers by name, and the type of any of them.
fn code<T: Debug>(from_repr: fn(u8) -> Option<T>) -> String {
    let (_, name) = type_name::<T>().rsplit_once("::").unwrap();
    let members: String = (0..=u8::MAX)
        .filter_map(|number| from_repr(number).map(|variant| format!("  {variant:?}: {number},\n")))
        .collect();
    format!(
        "\nexport const {name} = {{\n{members}}} as const;\n\
         export type {name} = (typeof {name})[keyof typeof {name}];\n"
    )
}

/// Bits that are put together.
fn flags(name: &str, flags: &[(&str, u8)]) -> String {
    let members: String = flags.iter().map(|(flag, bits)| format!("  {flag}: {bits},\n")).collect();
    format!("\nexport const {name} = {{\n{members}}} as const;\n")
}

/// The types of events, by number.
fn happenings() -> String {
    let texts: String = (0..=u8::MAX)
        .filter_map(Happening::from_repr)
        .map(|happening| format!("\n  | {}", serde_json::to_string(&happening).unwrap()))
        .collect();
    format!("\nexport type Happening ={texts};\n")
}

/// The names and constant texts on the wire, by number.
fn names() -> String {
    let lines: String = Name::ALL.iter().map(|text| format!("  {text:?},\n")).collect();
    format!("\nexport const NAMES: readonly string[] = [\n{lines}];\n")
}

/// The rows of the methods whose calls can become tasks, as far as TypeScript needs them.
fn call_methods() -> String {
    let rows: String = TABLE
        .iter()
        .map(|row| {
            let name_in = row.name_in.map_or("undefined".to_owned(), |name| format!("{name:?}"));
            let receiver = if row.receiver == Side::Server { "server" } else { "client" };
            format!(
                "  {{ code: {}, name: {:?}, nameIn: {name_in}, receiver: {receiver:?} }},\n",
                row.method as u8, row.name,
            )
        })
        .collect();
    format!("\nexport const CALL_METHODS = [\n{rows}] as const;\n")
}

#[test]
fn typescript_has_the_codes_of_this_core() {
    let codes = codes();
    #[cfg(not(target_family = "wasm"))]
    if std::env::var_os("CODES").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/pkg-template/src/core/codes.ts"), &codes).unwrap();
        return;
    }
    assert_eq!(CODES, codes, "codes.ts is stale: `npm run codes`");
}
