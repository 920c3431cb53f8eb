//! Turns a compiled half into what the npm package ships: `pack <path>/<half>.wasm <directory>` writes `<half>.js`,
//! `<half>.d.ts` and `<half>_bg.wasm` there. The same work as wasm-bindgen's command line, with the version that Cargo.lock
//! pins.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::{env, fs};

use wasm_bindgen_cli_support::{Bindgen, EncodeInto, Output};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(input), Some(directory)) = (arguments.next(), arguments.next()) else {
        return Err("usage: pack <wasm> <directory>".into());
    };
    let name = Path::new(&input).file_stem().and_then(|name| name.to_str()).ok_or("the wasm has no name")?.to_owned();
    let mut output = Bindgen::new()
        .input_path(&input)
        .out_name(&name)
        .web(true)?
        // The loaders bring the module; a default path would make bundlers look for a file.
        .omit_default_module_path(true)
        .encode_into(EncodeInto::Always)
        .remove_name_section(true)
        .typescript(true)
        .generate_output()?;
    let short = shorten_names(&mut output);
    output.emit(&directory)?;

    let glue = Path::new(&directory).join(name);
    let text = fs::read_to_string(glue.with_extension("js"))?;
    let text = rename(&slim(&encode_long_strings_at_once(&text)?)?, &short).replace(": function(", "(");
    fs::write(glue.with_extension("js"), text)?;
    let types = fs::read_to_string(glue.with_extension("d.ts"))?;
    let (functions, _) = split_once(&types, "export type InitInput")?;
    fs::write(glue.with_extension("d.ts"), format!("{functions}{ADDED_TYPES}"))?;
    Ok(())
}

/// The names by which the wasm and its glue know each other, each with the short one that takes its place: nobody else reads
/// them, and no compressor shortens the hashes in them.
fn shorten_names(output: &mut Output) -> HashMap<String, String> {
    let mut short = HashMap::new();
    let mut shorten = |name: &mut String| {
        let number = short.len();
        short.insert(std::mem::replace(name, format!("_{number}")), format!("_{number}"));
    };
    let module = output.wasm_mut();
    module.imports.iter_mut().for_each(|import| shorten(&mut import.name));
    module.exports.iter_mut().for_each(|export| shorten(&mut export.name));
    short
}

/// The glue with the short names.
fn rename(glue: &str, short: &HashMap<String, String>) -> String {
    replace_words(glue, |before, word, after| {
        let shared = before.ends_with("wasm.") || after.starts_with(": function(");
        short.get(word).filter(|_| shared).cloned()
    })
}

/// The text with other words; `other` gets what is before a word, the word, and what is behind it.
fn replace_words(text: &str, mut other: impl FnMut(&str, &str, &str) -> Option<String>) -> String {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        replaced.push_str(&rest[..start]);
        rest = &rest[start..];
        let word = &rest[..rest.find(|letter| !is_part(letter)).unwrap_or(rest.len())];
        rest = &rest[word.len()..];
        let other = other(&replaced, word, rest);
        replaced.push_str(other.as_deref().unwrap_or(word));
    }
    replaced + rest
}

/// How the wrapper makes an instance, and another one after a trap (the stock glue makes one only, and can also fetch the module),
/// and how it says who is the `host` of which the bindings want things.
const ADDED: &str = "export function instantiate(module) {
    module = wasmModule ?? module;
    __wbg_finalize_init(new WebAssembly.Instance(module, __wbg_get_imports()), module);
}
let host;
export function serve(other, work) {
    const outer = host;
    host = other;
    try {
        return work();
    } finally {
        host = outer;
    }
}
";
const ADDED_TYPES: &str = "/** Puts a new instance in the place of the one there was; of the module that was given first. */
export function instantiate(module: WebAssembly.Module): void;
/** Runs `work`; what the core wants done meanwhile, `host` does. */
export function serve<Value>(host: object, work: () => Value): Value;
";

/// The stock glue has this for a wasm that cannot give back what it allocated too much.
const WITHOUT_REALLOC: &str = "    if (realloc === undefined) {
        const buf = cachedTextEncoder.encode(arg);
        const ptr = malloc(buf.length, 1) >>> 0;
        getUint8ArrayMemory0().subarray(ptr, ptr + buf.length).set(buf);
        WASM_VECTOR_LEN = buf.length;
        return ptr;
    }

";

/// The glue without what this package has no use for: its wrapper has a compiled module, and hands over nothing but numbers,
/// booleans and texts.
fn slim(glue: &str) -> Result<String, String> {
    let (functions, rest) = split_once(glue, "function __wbg_get_imports() {")?;
    let (rest, _loading) = split_once(rest, "async function __wbg_load(module, imports) {")?;
    let functions = functions.split_inclusive("\n}\n").map(hand_over_at_once).collect::<Result<String, _>>()?;
    let functions = functions.replace(", wasm.__wbindgen_malloc, wasm.__wbindgen_realloc)", ")");
    if functions.matches("ToWasm0(").count() != functions.matches("), WASM_VECTOR_LEN").count() {
        return Err("the glue of wasm-bindgen has changed: the length of a text does not follow it".into());
    }
    let rest = replace_once(rest, WITHOUT_REALLOC, "    const malloc = wasm.__wbindgen_malloc, realloc = wasm.__wbindgen_realloc;\n")?;
    let rest = replace_once(&rest, "function passStringToWasm0(arg, malloc, realloc) {", "function passStringToWasm0(arg) {")?;
    Ok(format!("{functions}function __wbg_get_imports() {{{rest}{ADDED}"))
}

/// An exported function whose arguments are made where they are handed over. The stock one makes them beforehand, because code that
/// runs meanwhile might throw, which that of numbers, booleans and texts does not.
fn hand_over_at_once(function: &str) -> Result<String, String> {
    let mut short = String::with_capacity(function.len());
    let mut made = HashMap::new();
    let mut used_otherwise = None;
    let mut lines = function.split_inclusive('\n');
    while let Some(line) = lines.next() {
        let mut hand_over = |text: &str| {
            replace_words(text, |_, word, _| {
                let value = made.remove(word);
                if value.is_none() && is_made(word) {
                    used_otherwise = Some(word.to_owned());
                }
                value
            })
        };
        let statement = line.trim();
        if statement == "} catch (e) {" {
            lines.by_ref().find(|line| *line == "    }\n").ok_or("a `catch` without an end")?;
        } else if let Some((name, value)) = assignment(statement) {
            let value = hand_over(value);
            made.insert(name, value);
        } else if statement != "try {" && !statement.starts_with("let ptr") {
            short.push_str(&hand_over(line));
        }
    }
    match used_otherwise {
        None => Ok(short),
        Some(name) => Err(format!("the glue of wasm-bindgen has changed: `{name}` is not used once in `{function}`")),
    }
}

/// The local variable that a statement sets, and to what.
fn assignment(statement: &str) -> Option<(&str, &str)> {
    let (name, value) = statement.strip_suffix(';')?.split_once(" = ")?;
    let name = ["const ", "var "].iter().find_map(|kind| name.strip_prefix(kind)).unwrap_or(name);
    is_made(name).then(|| (name, value.trim_start_matches('+')))
}

/// Whether it is a local variable that the stock glue makes for an argument or a result.
fn is_made(name: &str) -> bool {
    matches!(name.trim_end_matches(|letter: char| letter.is_ascii_digit()), "val" | "ptr" | "len" | "ret")
}

/// The stock glue copies strings character by character, which is best below 64 characters and up to 30 times slower than
/// `encodeInto` above. A long ASCII string is written in one call; any other long string takes the stock path for
/// non-ASCII text from its first character.
fn encode_long_strings_at_once(glue: &str) -> Result<String, String> {
    if !glue.contains("function passStringToWasm") {
        return Ok(glue.to_owned());
    }
    let glue = replace_once(
        glue,
        "let offset = 0;",
        "let offset = 0;
    if (len >= 64 && cachedTextEncoder.encodeInto(arg, mem.subarray(ptr, ptr + len)).read === len) offset = len;",
    )?;
    replace_once(&glue, "for (; offset < len; offset++)", "for (; len < 64 && offset < len; offset++)")
}

fn split_once<'a>(text: &'a str, at: &str) -> Result<(&'a str, &'a str), String> {
    text.split_once(at).ok_or_else(|| format!("the glue of wasm-bindgen has changed: no `{at}`"))
}

fn replace_once(text: &str, from: &str, to: &str) -> Result<String, String> {
    match text.matches(from).count() {
        1 => Ok(text.replacen(from, to, 1)),
        count => Err(format!("the glue of wasm-bindgen has changed: {count} places with `{from}`, expected one")),
    }
}
