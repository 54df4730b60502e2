//! The generators make what they promise.

mod generate;

use arbtest::arbtest;
use perso_core::reference::Call;

#[test]
fn policies_are_json_and_calls_are_mostly_well_formed() {
    let (mut calls, mut readable) = (0_u32, 0_u32);
    arbtest(|u| {
        let policy = generate::policy(u)?;
        let text = policy.to_string();
        serde_json::from_str::<serde::de::IgnoredAny>(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        for _ in 0..4 {
            let call = generate::call(u, &policy)?;
            calls += 1;
            readable += u32::from(Call::read(call.as_bytes()).is_ok());
        }
        Ok(())
    })
    .size_min(1 << 12)
    .budget_ms(500);
    assert!(readable * 10 > calls * 8, "{readable} of {calls}");
    assert!(readable < calls, "{readable} of {calls}");
}
