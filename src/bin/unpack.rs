//! Reads the text in which a page has a half of the core (`scripts/embed.mjs` writes it, and says how it is made): a wasm module of
//! its own, without anything to import, because it is quicker than JavaScript that runs for the first time.
#![no_std]
#![no_main]

/// A character is a digit, and this is the first.
const ZERO: u8 = b'(';
/// How many digits there are, up to `~`.
const BASE: u8 = 87;
/// A smaller digit is the first of a number of two, whose low eight bits are a byte. Any other stands for one byte.
const PAIRS: u8 = 6;

/// The streams that a code section is parted into: the first has the instructions, the others numbers that belong to some of them.
const STREAMS: usize = 8;

// What the text says of an instruction is the stream in which its number is, and these.
/// Before its number comes how its address is aligned, which is never told.
const ADDRESS: u8 = 8;
/// It has no number.
const ALONE: u8 = 16;
/// No instruction: bytes follow, and first how many.
const BYTES: u8 = 17;
/// The instruction with which a function ends.
const END: u8 = 0x0b;

/// Writes the wasm for which the `length` characters at `text` stand, behind them, and tells how many bytes it has.
///
/// # Safety
/// The text is there and is what `scripts/embed.mjs` wrote; twice as much room is behind it, and nothing else uses either. For the rest of
/// this module that is enough: where it reads and writes is not checked again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unpack(text: *mut u8, length: usize) -> usize {
    // SAFETY: as the caller promises.
    unsafe {
        let end = text.add(length);
        read_digits(text, end);
        join(text, end)
    }
}

// Two functions, each too small a piece of work for an engine to begin to compile it again while the core is waiting.

/// Replaces the characters by the bytes that they stand for, which are fewer. The text begins with the bytes for which the digits
/// from [`PAIRS`] on stand, each in two digits.
#[inline(never)]
unsafe fn read_digits(text: *mut u8, end: *mut u8) {
    let (mut from, mut to) = (text, text);
    let mut bytes = [0; 128];
    let mut character = ZERO + PAIRS;
    // SAFETY: see `unpack`. A character is less than 128.
    unsafe {
        while character < ZERO + BASE {
            *bytes.as_mut_ptr().add(usize::from(character)) = pair(&mut from);
            character += 1;
        }
        while from < end {
            let character = *from;
            write(&mut to, if character < ZERO + PAIRS { pair(&mut from) } else { *bytes.as_ptr().add(usize::from(read(&mut from))) });
        }
    }
}

unsafe fn pair(from: &mut *mut u8) -> u8 {
    // SAFETY: see `unpack`.
    let (first, second) = unsafe { (read(from), read(from)) };
    (first.wrapping_sub(ZERO)).wrapping_mul(BASE).wrapping_add(second.wrapping_sub(ZERO))
}

/// Puts the streams together. Before all comes what each instruction is, how many functions there are, and how many bytes are before
/// the first function, before each stream and before what is behind the last function.
unsafe fn join(text: *mut u8, start: *mut u8) -> usize {
    // SAFETY: see `unpack`.
    unsafe {
        let mut from = text.add(256);
        let mut functions = count(&mut from);
        let before = text.add(count(&mut from));
        let mut streams = [text; STREAMS].map(|text| text.add(count(&mut from)));
        let after = text.add(count(&mut from));
        let end = text.add(count(&mut from));
        let [instructions, ..] = streams;
        let mut to = start;
        copy(before, instructions, &mut to);
        while functions > 0 {
            function(text, streams.as_mut_ptr(), &mut to);
            functions -= 1;
        }
        copy(after, end, &mut to);
        to.offset_from(start) as usize
    }
}

/// Writes a function: its size, which has two bytes or one, its locals and its instructions.
#[inline(never)]
unsafe fn function(kinds: *const u8, streams: *mut *mut u8, place: &mut *mut u8) {
    // SAFETY: see `unpack`. The first stream is that of the instructions.
    unsafe {
        let body = place.add(2);
        let mut to = body;
        run(&mut *streams, &mut to);
        loop {
            let instruction = read(&mut *streams);
            let kind = *kinds.add(usize::from(instruction));
            match kind {
                0..ALONE => {
                    write(&mut to, instruction);
                    if kind >= ADDRESS {
                        write(&mut to, 0);
                    }
                    let numbers = streams.add(usize::from(kind % ADDRESS));
                    while {
                        let byte = read(&mut *numbers);
                        write(&mut to, byte);
                        byte >= 128
                    } {}
                }
                ALONE => write(&mut to, instruction),
                BYTES => run(&mut *streams, &mut to),
                // No instruction but the end of a function.
                _ => break,
            }
        }
        write(&mut to, END);
        let length = to.offset_from(body) as usize;
        if length < 128 {
            write(place, length as u8);
        } else {
            write(place, length as u8 | 128);
            write(place, (length >> 7) as u8);
        }
        copy(body, to, place);
    }
}

/// A count is three bytes, the lowest first.
unsafe fn count(from: &mut *mut u8) -> usize {
    // SAFETY: see `unpack`.
    unsafe { usize::from(read(from)) | usize::from(read(from)) << 8 | usize::from(read(from)) << 16 }
}

unsafe fn read(from: &mut *mut u8) -> u8 {
    // SAFETY: see `unpack`.
    unsafe {
        let byte = **from;
        *from = from.add(1);
        byte
    }
}

unsafe fn write(to: &mut *mut u8, byte: u8) {
    // SAFETY: see `unpack`.
    unsafe {
        **to = byte;
        *to = to.add(1);
    }
}

/// Copies bytes of which the first tells how many they are.
unsafe fn run(from: &mut *mut u8, to: &mut *mut u8) {
    // SAFETY: see `unpack`.
    unsafe {
        let length = usize::from(read(from));
        let end = from.add(length);
        copy(*from, end, to);
        *from = end;
    }
}

unsafe fn copy(from: *mut u8, end: *mut u8, to: &mut *mut u8) {
    // SAFETY: see `unpack`.
    unsafe {
        let length = end.offset_from(from) as usize;
        core::ptr::copy(from, *to, length);
        *to = to.add(length);
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}
