//! Every store does what `suite/` says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "it is a test")]

mod suite;
mod support;

use support::server::{Cluster, ledger_at, redis, valkey};
use support::{file, memory};

macro_rules! each {
    ($store:ident: $($case:ident)*) => {
        mod $store {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let store = super::$store().await;
                    crate::suite::$case(&store).await;
                }
            )*
        }
    };
}

suite::for_each_case!(each, memory);
suite::for_each_case!(each, file);
suite::for_each_case!(each, valkey);
suite::for_each_case!(each, redis);

macro_rules! all {
    ($cluster:ident: $($case:ident)*) => {
        $(
            println!("{}", stringify!($case));
            suite::$case(&ledger_at(&$cluster.address(), stringify!($case), ())).await;
        )*
    };
}

/// One cluster has a namespace for each case. Their keys are on all three nodes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cluster() {
    let cluster = Cluster::start();
    suite::for_each_case!(all, cluster);
    for node in &cluster.0 {
        assert!(node.command::<u64>(&["DBSIZE"]).unwrap() > 0);
    }
}
