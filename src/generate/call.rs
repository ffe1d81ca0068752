//! The story of one call: a customer calls, an IVR may answer first, the call waits in a queue, one to three agents are
//! rung one after another, the last one usually answers and sometimes hands the call on.

use super::{
    centre::{AREAS, Centre},
    json::Id,
    random::Random,
};

const RING_MS: i64 = 8_000;

/// A call that can be written in any form, as of any moment.
#[expect(clippy::struct_excessive_bools, reason = "facts that do not depend on each other")]
#[derive(Debug)]
pub(super) struct Call {
    pub id: Id,
    pub inbound: bool,
    pub queue: usize,
    pub language: usize,
    pub priority: u64,
    pub skill: Option<usize>,
    /// Whether its routing data are written at all.
    pub has_demand: bool,
    /// `tel:+1...` of the customer and of the number called.
    pub ani: String,
    pub dnis: String,
    pub end: i64,
    pub secure_pause: bool,
    pub legs: Vec<Leg>,
    /// The customer's attributes as a JSON object.
    pub attributes: Vec<u8>,
    /// Whether it has the members that appear when the data drifts.
    pub has_drifted: bool,
}

/// One participant.
#[derive(Debug)]
pub(super) struct Leg {
    pub id: Id,
    pub peer: Id,
    pub role: Role,
    pub start: i64,
    pub connected: Option<i64>,
    pub end: i64,
    /// The rare event of this leg.
    pub rare: Rare,
}

#[derive(Debug)]
pub(super) enum Role {
    Customer { place: &'static str, contact: Option<Id>, organization: Option<Id> },
    Ivr { address: Id },
    Acd,
    Agent(Agent),
}

#[derive(Debug)]
pub(super) struct Agent {
    pub user: usize,
    pub trunk: Id,
    pub host: u64,
    pub team: Option<usize>,
    pub score: Option<u64>,
    pub wrapup: usize,
    pub acw_ms: i64,
    /// Index of the disconnect type, if the call left this agent normally.
    pub left: usize,
    /// The participant who was consulted before the call was handed on.
    pub consulted: Option<Id>,
}

/// Rare events; most participants have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rare {
    Nothing,
    Held,
    Journey,
    Disposition,
    Error,
    Uui,
    Flagged,
    Monitored,
    Parked,
    Recorders,
    GroupRing,
}

impl Call {
    /// Creates a call that begins at `start`.
    pub fn new(centre: &Centre, start: i64, has_drifted: bool, random: &mut Random) -> Self {
        let inbound = random.chance(0.85);
        let queue = random.skewed_below(centre.queues.len());
        let area = random.pick(&AREAS);
        let ani = format!("tel:+1{area}55501{:02}", random.below(100));
        let dnis = format!("tel:+1202555010{}", queue % 10);
        let ivr_ms = random.below(60_000) as i64;
        let wait_ms = (random.unit().powi(3) * 240_000.0) as i64;
        let rings = 1 + random.skewed_below(3) as i64;
        let answered = random.chance(0.92);
        let talk_ms = 5_000 + random.skewed_below(900_000) as i64;
        let queued = start + ivr_ms;
        let rung = queued + wait_ms;
        let joined = rung + (rings - 1) * RING_MS;
        let end = joined + if answered { talk_ms } else { RING_MS };
        let peer = id(random);
        let mut attributes = Vec::new();
        centre.attributes.write(random, has_drifted, &mut attributes);
        let mut legs = Vec::with_capacity(8);

        let role = Role::Customer {
            place: centre.place(random),
            contact: random.chance(0.25).then(|| id(random)),
            organization: random.chance(0.03).then(|| id(random)),
        };
        let rare = match random.below(100) {
            0..5 => Rare::Journey,
            5 => Rare::Uui,
            6..16 if !inbound => Rare::Disposition,
            _ => Rare::Nothing,
        };
        legs.push(Leg { id: id(random), peer, role, start, connected: Some(start + 5), end, rare });
        if ivr_ms > 20_000 {
            let role = Role::Ivr { address: id(random) };
            let connected = Some(start + 12);
            legs.push(Leg {
                id: id(random),
                peer,
                role,
                start: start + 10,
                connected,
                end: queued,
                rare: Rare::Nothing,
            });
        }
        legs.push(Leg {
            id: id(random),
            peer,
            role: Role::Acd,
            start: queued,
            connected: Some(queued + 3),
            end: joined,
            rare: Rare::Nothing,
        });
        for ring in 0..rings {
            let takes = answered && ring == rings - 1;
            let at = rung + ring * RING_MS;
            let handed_on = takes && random.chance(0.06);
            let handed_at = at + 2_000 + talk_ms / 2;
            let mut first = Leg::agent(centre, at, takes.then_some(if handed_on { handed_at } else { end }), random);
            if handed_on {
                let second = Leg::agent(centre, handed_at, Some(end), random);
                if let Role::Agent(agent) = &mut first.role {
                    agent.consulted = Some(second.id);
                }
                legs.extend([first, second]);
            } else {
                legs.push(first);
            }
        }
        Self {
            id: id(random),
            inbound,
            queue,
            language: random.below(centre.languages.len()),
            priority: random.below(10) as u64,
            skill: random.chance(0.6).then(|| random.below(centre.skills.len())),
            has_demand: random.chance(0.3),
            ani,
            dnis,
            end,
            secure_pause: random.chance(0.01),
            legs,
            attributes,
            has_drifted,
        }
    }
}

impl Leg {
    /// An agent who is rung at `start`, and who answers if `talk_end` is given.
    fn agent(centre: &Centre, start: i64, talk_end: Option<i64>, random: &mut Random) -> Self {
        let role = Role::Agent(Agent {
            user: random.below(centre.users.len()),
            trunk: id(random),
            host: random.below(255) as u64,
            team: random.chance(0.5).then(|| random.below(centre.teams.len())),
            score: random.chance(0.5).then(|| random.below(100) as u64),
            wrapup: random.skewed_below(centre.wrapups.len()),
            acw_ms: random.below(60_000) as i64,
            left: random.skewed_below(5),
            consulted: None,
        });
        let roll = random.below(100);
        let rare = match (talk_end, roll) {
            (Some(_), 0..5) => Rare::Held,
            (Some(_), 5) => Rare::Monitored,
            (Some(_), 6) => Rare::Parked,
            (Some(_), 7..17) => Rare::Recorders,
            (Some(_), 17) => Rare::Flagged,
            (None, 0..5) => Rare::Error,
            (None, 5) => Rare::GroupRing,
            _ => Rare::Nothing,
        };
        Self {
            id: id(random),
            peer: id(random),
            role,
            start,
            connected: talk_end.map(|_| start + 2_000),
            end: talk_end.unwrap_or(start + RING_MS),
            rare,
        }
    }
}

pub(super) fn id(random: &mut Random) -> Id {
    Id(random.bits(), random.bits())
}
