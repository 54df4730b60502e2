//! Configures the linker for Node addons, which resolve Node's functions at load time.

fn main() {
    napi_build::setup();
}
