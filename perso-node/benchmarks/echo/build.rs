//! Tells the linker how addons find Node's functions.

fn main() {
    napi_build::setup();
}
