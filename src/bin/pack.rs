//! Turns a compiled half into what the npm package ships: `pack <path>/<half>.wasm <directory>` writes `<half>.js`,
//! `<half>.d.ts` and `<half>_bg.wasm` there. The same work as wasm-bindgen's command line, with the version that
//! Cargo.lock pins.

use std::env;
use std::error::Error;
use std::path::Path;

use wasm_bindgen_cli_support::{Bindgen, EncodeInto};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(input), Some(directory)) = (arguments.next(), arguments.next()) else {
        return Err("usage: pack <wasm> <directory>".into());
    };
    let name = Path::new(&input).file_stem().and_then(|name| name.to_str()).ok_or("the wasm has no name")?;
    Bindgen::new()
        .input_path(&input)
        .out_name(name)
        .web(true)?
        // The loaders bring the module; a default path would make bundlers look for a file.
        .omit_default_module_path(true)
        // After a trap the wrapper puts another instance in the place of the poisoned one.
        .reset_state_function(true)
        .encode_into(EncodeInto::Always)
        .remove_name_section(true)
        .typescript(true)
        .generate_output()?
        .emit(&directory)?;
    Ok(())
}
