//! Every world that can come of one, and how.

use std::collections::HashMap;

use super::model::{Assumed, Cause, RowStep, World};

/// All worlds, each with the step it was first reached by.
pub(super) struct Explored {
    pub(super) worlds: Vec<World>,
    from: Vec<Option<(usize, Option<RowStep>)>>,
    /// From each world: where steps that are no mishaps lead.
    progress: Vec<Vec<usize>>,
}

pub(super) fn explore(starts: impl IntoIterator<Item = World>, assumed: Assumed) -> Explored {
    let mut explored = Explored { worlds: Vec::new(), from: Vec::new(), progress: Vec::new() };
    let mut known = HashMap::<World, usize>::new();
    let mut reach = |explored: &mut Explored, world: World, from| {
        *known.entry(world).or_insert_with_key(|world| {
            explored.worlds.push(world.clone());
            explored.from.push(from);
            explored.progress.push(Vec::new());
            explored.worlds.len() - 1
        })
    };
    for world in starts {
        reach(&mut explored, world, None);
    }
    let mut next = 0;
    while next < explored.worlds.len() {
        for step in explored.worlds[next].steps(assumed) {
            let to = reach(&mut explored, step.world, Some((next, step.row_step)));
            if step.cause == Cause::Progress {
                explored.progress[next].push(to);
            }
        }
        next += 1;
    }
    explored
}

impl Explored {
    /// What happened to the row on the way to a world, in order, from the row it began with.
    pub(super) fn row_steps(&self, mut world: usize) -> (&World, Vec<RowStep>) {
        let mut steps = Vec::new();
        while let Some((before, step)) = self.from[world] {
            steps.extend(step);
            world = before;
        }
        steps.reverse();
        (&self.worlds[world], steps)
    }

    /// Worlds from which nothing but mishaps leads to the end of every request.
    pub(super) fn stuck(&self) -> Vec<&World> {
        let mut before = vec![Vec::new(); self.worlds.len()];
        for (from, next) in self.progress.iter().enumerate() {
            next.iter().for_each(|to| before[*to].push(from));
        }
        let mut ends: Vec<bool> = self.worlds.iter().map(World::is_over).collect();
        let mut left: Vec<usize> = (0..ends.len()).filter(|world| ends[*world]).collect();
        while let Some(world) = left.pop() {
            for earlier in &before[world] {
                if !std::mem::replace(&mut ends[*earlier], true) {
                    left.push(*earlier);
                }
            }
        }
        self.worlds.iter().zip(ends).filter(|(_, ends)| !ends).map(|(world, _)| world).collect()
    }
}
