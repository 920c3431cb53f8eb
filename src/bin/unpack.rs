//! Reads the text in which a page has a half of the core (`scripts/embed.mjs` writes it): a wasm module of its own, without
//! anything to import, because it is quicker than JavaScript that runs for the first time.
#![no_std]
#![no_main]

/// A character is a digit, and this is the first.
const ZERO: u8 = b'(';
/// How many digits there are, up to `~`.
const BASE: usize = 87;
/// A smaller digit is the first of a number of two, whose low eight bits are a byte. Any other stands for one byte.
const PAIRS: u8 = 6;

/// Replaces the `length` characters at `text` by the bytes that they stand for, which are fewer, and tells how many they are. The
/// text begins with the bytes for which the digits from [`PAIRS`] on stand, each in two digits.
///
/// # Safety
/// The text is there, and nothing else uses its memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unpack(text: *mut u8, length: usize) -> usize {
    // SAFETY: as the caller promises.
    let text = unsafe { core::slice::from_raw_parts_mut(text, length) };
    let mut bytes = [0; BASE];
    let mut from = 0;
    for byte in bytes.iter_mut().skip(usize::from(PAIRS)) {
        *byte = pair(digit(text, &mut from), digit(text, &mut from));
    }
    let mut to = 0;
    while from < length {
        let first = digit(text, &mut from);
        let byte = if first < PAIRS { pair(first, digit(text, &mut from)) } else { bytes.get(usize::from(first)).copied().unwrap_or(0) };
        if let Some(place) = text.get_mut(to) {
            *place = byte;
        }
        to += 1;
    }
    to
}

fn digit(text: &[u8], at: &mut usize) -> u8 {
    let character = text.get(*at).copied().unwrap_or(ZERO);
    *at += 1;
    character.wrapping_sub(ZERO)
}

fn pair(first: u8, second: u8) -> u8 {
    first.wrapping_mul(BASE as u8).wrapping_add(second)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}
