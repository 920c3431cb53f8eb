//! Turns a compiled half into what the npm package ships: `pack <path>/<half>.wasm <directory>` writes `<half>.js`,
//! `<half>.d.ts` and `<half>_bg.wasm` there. The same work as wasm-bindgen's command line, with the version that Cargo.lock
//! pins.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use wasm_bindgen_cli_support::{Bindgen, EncodeInto};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(input), Some(directory)) = (arguments.next(), arguments.next()) else {
        return Err("usage: pack <wasm> <directory>".into());
    };
    let name = Path::new(&input).file_stem().and_then(|name| name.to_str()).ok_or("the wasm has no name")?.to_owned();
    Bindgen::new()
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
        .generate_output()?
        .emit(&directory)?;

    let glue = Path::new(&directory).join(name).with_extension("js");
    let text = fs::read_to_string(&glue)?;
    fs::write(glue, encode_long_strings_at_once(&text)?)?;
    Ok(())
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
