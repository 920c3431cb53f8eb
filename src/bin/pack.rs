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
        // A trapped instance is thrown away and a new one is made.
        .reset_state_function(true)
        .encode_into(EncodeInto::Always)
        .remove_name_section(true)
        .typescript(true)
        .generate_output()?;
    let short = shorten_names(&mut output);
    output.emit(&directory)?;

    let glue = Path::new(&directory).join(name);
    let text = fs::read_to_string(glue.with_extension("js"))?;
    fs::write(glue.with_extension("js"), encode_long_strings_at_once(&rename(&text, &short))?)?;
    let types = fs::read_to_string(glue.with_extension("d.ts"))?;
    fs::write(glue.with_extension("d.ts"), rename(&types, &short))?;
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

/// The glue, or its types, with the short names.
fn rename(glue: &str, short: &HashMap<String, String>) -> String {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut renamed = String::with_capacity(glue.len());
    let mut rest = glue;
    while let Some(start) = rest.find(is_part) {
        renamed.push_str(&rest[..start]);
        rest = &rest[start..];
        let name = &rest[..rest.find(|letter| !is_part(letter)).unwrap_or(rest.len())];
        rest = &rest[name.len()..];
        let shared = ["wasm.", "readonly "].iter().any(|before| renamed.ends_with(before)) || rest.starts_with(": function(");
        renamed.push_str(short.get(name).filter(|_| shared).map_or(name, String::as_str));
    }
    renamed + rest
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

fn replace_once(text: &str, from: &str, to: &str) -> Result<String, String> {
    match text.matches(from).count() {
        1 => Ok(text.replacen(from, to, 1)),
        count => Err(format!("the glue of wasm-bindgen has changed: {count} places with `{from}`, expected one")),
    }
}
