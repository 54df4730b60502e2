//! Ratios, beside those that other benchmarks have left.

use crate::results::{Results, Row};
use std::collections::BTreeMap;
use std::path::Path;

/// The file's numbers: of this run, and of the last runs of other benchmarks.
pub type Figures = BTreeMap<String, f64>;

/// Writes them, and returns all that are known now.
pub fn write(results: &Results, path: &Path) -> Figures {
    let known = std::fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let mut figures: Figures = known.unwrap_or_default();
    for (name, ratio) in of(results) {
        println!("  {name:<36} {ratio:>12.3}");
        figures.insert(name, (ratio * 1e4).round() / 1e4);
    }
    let json = serde_json::to_string_pretty(&figures).expect("numbers have a JSON form");
    std::fs::create_dir_all(path.parent().expect("the file is in a folder")).expect("target/ can be made");
    std::fs::write(path, json + "\n").expect("target/ can be written to");
    figures
}

fn of(results: &Results) -> Vec<(String, f64)> {
    let (perso, handwritten) = (results.perso(), results.handwritten());
    let mut ratios = vec![
        ("decide_vs_handwritten".to_owned(), perso.from_json / handwritten.from_json),
        ("decide_vs_handwritten_tuned".to_owned(), perso.from_json / results.tuned().from_json),
        ("peer_margin".to_owned(), results.fastest_peer().from_json / perso.from_json),
    ];
    if let Some(gains) = &results.threads {
        ratios.push(("peers_threads_perso".to_owned(), gains.perso));
        ratios.push(("peers_threads_handwritten".to_owned(), gains.handwritten));
    }
    for peer in results.peers() {
        ratios.push((format!("peer_{}", peer.key), peer.from_json / perso.from_json));
        ratios.push((format!("peer_{}_prepared", peer.key), peer.prepared / perso.prepared));
    }
    let scales = results.rows.iter().filter_map(|row| Some((format!("peers_scale_{}", row.key), scale(row)?)));
    ratios.extend(scales);
    ratios
}

/// A decision with the most rules over one with the fewest.
pub fn scale(row: &Row) -> Option<f64> {
    Some(row.by_rules.last()?.from_json / row.by_rules.first()?.from_json)
}
