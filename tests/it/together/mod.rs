//! The compliance switch, plans, modes and access rules together: every change from each combination to each other, every
//! access rule under each of them, and what then becomes of emails, of links sent earlier and of downloads in the portal.

mod settings;
mod world;

use crate::keeps::{Keeps, with_each_database};
use settings::{Access, Security};
use world::World;

with_each_database!(every_combination_of_settings_does_what_the_product_says);

async fn every_combination_of_settings_does_what_the_product_says(on: Keeps) {
    let mut world = World::on(on).await;
    let accesses = Access::all();
    let combinations = Security::all();
    // How often each combination was come to: every time it meets the next access rules.
    let mut visits = vec![0; combinations.len()];
    for from in 0..combinations.len() {
        for to in 0..combinations.len() {
            for which in [from, to] {
                let access = &accesses[visits[which] % accesses.len()];
                visits[which] += 1;
                world.change_to(combinations[which], access).await;
                world.emails().await;
                world.links().await;
                world.portal().await;
            }
        }
    }
    assert!(visits.iter().all(|visits| *visits >= accesses.len()), "each combination met all access rules");
}
