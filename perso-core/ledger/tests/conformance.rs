//! Every store does what `suite/` says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

mod suite;
mod support;

macro_rules! each {
    ($store:ident: $($case:ident)*) => {
        mod $store {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let store = crate::support::$store().await;
                    crate::suite::$case(&store).await;
                }
            )*
        }
    };
}

suite::for_each_case!(each, memory);
suite::for_each_case!(each, file);
