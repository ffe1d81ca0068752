//! Renders a call as JSON: its participants in the order of REST and notifications, with the members that each gives.

use super::{
    call::{Agent, Call, Leg, Rare, Role},
    centre::{Centre, Reference},
    json::{Object, write_number},
};

const LEFT_BY: [&str; 5] = ["client", "peer", "endpoint", "transfer", "system"];

/// Which of the two forms is written, and how much of the call has happened.
#[derive(Debug, Clone, Copy)]
pub(super) struct View {
    /// The current moment; later events have not happened yet.
    pub now: i64,
    /// Notifications contain fewer members than REST.
    pub is_notification: bool,
}

impl View {
    /// The complete call, as REST gives it.
    pub const REST: Self = Self { now: i64::MAX, is_notification: false };

    fn reference(self, of: &Reference) -> &[u8] {
        if self.is_notification { &of.short } else { &of.full }
    }
}

/// Writes a conversation with the participants that have joined by now.
pub(super) fn conversation(centre: &Centre, call: &Call, view: View, out: &mut Vec<u8>) {
    let mut object = Object::begin(out, &centre.calendar);
    object.id("id", call.id);
    let joined = call.legs.iter().filter(|leg| leg.start <= view.now);
    object.list("participants", joined, |leg, out| participant(centre, call, leg, view, out));
    object.raw("otherMediaUris", b"[]");
    object.text("recordingState", "none");
    object.number("maxParticipants", call.legs.len() as u64);
    object.flag("securePause", call.secure_pause);
    if call.has_drifted {
        object.object("retention", |retention| {
            retention.text("policy", "default");
            retention.number("days", 365);
        });
    }
    if !view.is_notification {
        object.id_within("selfUri", "/api/v2/conversations/calls/", call.id, "");
    }
    object.end();
}

/// Writes one participant.
pub(super) fn participant(centre: &Centre, call: &Call, leg: &Leg, view: View, out: &mut Vec<u8>) {
    let mut object = Object::begin(out, &centre.calendar);
    object.id("id", leg.id);
    head(centre, call, leg, view, &mut object);
    let is_live = leg.end > view.now;
    let connected = leg.connected.filter(|connected| *connected <= view.now);
    if let Some(connected) = connected {
        object.instant("connectedTime", connected);
    }
    if !is_live {
        object.instant("endTime", leg.end);
    }
    if leg.rare == Rare::Held && is_live {
        object.instant("startHoldTime", leg.start + 3_000);
    }
    object.text("purpose", purpose(call, leg));
    object.text(
        "state",
        match (is_live, connected) {
            (false, _) => "terminated",
            (true, Some(_)) => "connected",
            (true, None) => "alerting",
        },
    );
    object.text("direction", if call.inbound { "inbound" } else { "outbound" });
    if !is_live {
        object.text("disconnectType", left_by(call, leg));
    }
    object.flag("held", leg.rare == Rare::Held && is_live);
    let is_agent = matches!(leg.role, Role::Agent(_));
    object.flag("wrapupRequired", is_agent && leg.connected.is_some());
    match &leg.role {
        Role::Agent(agent) => agent_members(centre, call, leg, agent, view, &mut object),
        Role::Customer { contact, organization, .. } => {
            object.raw("mediaRoles", br#"["full"]"#);
            object.raw("queue", view.reference(&centre.queues[call.queue]));
            object.raw("attributes", &call.attributes);
            object.text("provider", "Edge");
            if let Some(contact) = contact {
                object.object("externalContact", |object| object.id("id", *contact));
                object.text("externalContactInitialDivisionId", "*");
            }
            if let Some(organization) = organization {
                object.object("externalOrganization", |object| object.id("id", *organization));
            }
            object.id("peer", leg.peer);
        }
        Role::Ivr { .. } | Role::Acd => {
            object.raw("mediaRoles", br#"["full"]"#);
            if matches!(leg.role, Role::Acd) {
                object.raw("queue", view.reference(&centre.queues[call.queue]));
            }
            object.raw("attributes", b"{}");
            object.text("provider", "Edge");
            object.id("peer", leg.peer);
            if matches!(leg.role, Role::Acd) && call.has_demand {
                routing(centre, call, None, &mut object);
            }
        }
    }
    rare_members(centre, leg, &mut object);
    if call.has_drifted && matches!(leg.role, Role::Customer { .. }) {
        object.raw("sentimentScore", b"0.25");
        object.object("aiAssist", |assist| {
            assist.flag("accepted", true);
            assist.raw("suggestions", br#"["refund","callback"]"#);
        });
    }
    let is_recorded = leg.connected.is_some() && matches!(leg.role, Role::Customer { .. });
    object.flag("muted", false);
    object.flag("confined", false);
    object.flag("recording", is_recorded);
    object.text("recordingState", if is_recorded { "active" } else { "none" });
    object.text("ani", &call.ani);
    object.text("dnis", &call.dnis);
    object.flag("securePause", call.secure_pause);
    object.end();
}

fn head(centre: &Centre, call: &Call, leg: &Leg, view: View, object: &mut Object<'_>) {
    match &leg.role {
        Role::Customer { place, .. } => {
            object.text("name", place);
            object.text("address", &call.ani);
        }
        Role::Ivr { address } => {
            object.text("name", "Main Menu");
            object.id_within("address", "sip:", *address, "@127.0.0.1;language=en-US;user=ivr");
        }
        Role::Acd => {
            let queue = &centre.queues[call.queue];
            object.text("name", &queue.name);
            object.id_within("address", "sip:", queue.id, "@127.0.0.1;user=acd");
        }
        Role::Agent(agent) => {
            let out = object.name("address");
            out.extend_from_slice(b"\"sip:");
            centre.users[agent.user].id.write(out);
            out.extend_from_slice(b"+example.com;tgrp=");
            agent.trunk.write(out);
            out.extend_from_slice(b"@192.0.2.");
            write_number(agent.host, out);
            out.push(b'"');
        }
    }
    object.instant("startTime", leg.start);
    if matches!(leg.role, Role::Agent(_)) && !view.is_notification {
        object.instant("startAlertingTime", leg.start);
    }
}

const fn purpose(call: &Call, leg: &Leg) -> &'static str {
    match leg.role {
        Role::Customer { .. } if call.inbound => "customer",
        Role::Customer { .. } => "external",
        Role::Ivr { .. } => "ivr",
        Role::Acd => "acd",
        Role::Agent(_) => "agent",
    }
}

fn left_by(call: &Call, leg: &Leg) -> &'static str {
    let was_answered = call.legs.iter().any(|leg| matches!(leg.role, Role::Agent(_)) && leg.connected.is_some());
    match &leg.role {
        Role::Customer { .. } => {
            if was_answered {
                "peer"
            } else {
                "endpoint"
            }
        }
        Role::Ivr { .. } => "transfer",
        Role::Acd => {
            if was_answered {
                "transfer"
            } else {
                "peer"
            }
        }
        Role::Agent(agent) if agent.consulted.is_some() => "transfer.consult",
        Role::Agent(agent) if leg.connected.is_some() => LEFT_BY[agent.left],
        Role::Agent(_) => "transfer.noanswer",
    }
}

fn agent_members(centre: &Centre, call: &Call, leg: &Leg, agent: &Agent, view: View, object: &mut Object<'_>) {
    let user = &centre.users[agent.user];
    object.text("wrapupPrompt", "timeout");
    object.raw("mediaRoles", br#"["full"]"#);
    object.raw("user", view.reference(user));
    object.raw("queue", view.reference(&centre.queues[call.queue]));
    if let Some(team) = agent.team {
        object.raw("team", view.reference(&centre.teams[team]));
    }
    object.raw("attributes", b"{}");
    let has_left = leg.connected.is_some() && leg.end <= view.now;
    if leg.connected.is_some() {
        object.raw("script", view.reference(&centre.scripts[call.queue % centre.scripts.len()]));
        // A type that changes when the data drifts: a number as text.
        object.raw("wrapupTimeoutMs", if call.has_drifted { b"\"60000\"" } else { b"60000" });
        object.flag("wrapupSkipped", false);
    }
    object.raw("alertingTimeoutMs", b"8000");
    object.text("provider", "Edge");
    object.id("peer", leg.peer);
    if has_left {
        let wrapup = &centre.wrapups[agent.wrapup];
        object.object("wrapup", |object| {
            object.id("code", wrapup.id);
            object.text("name", &wrapup.name);
            object.text("notes", "");
            object.raw("tags", b"[]");
            object.number("durationSeconds", (agent.acw_ms / 1000) as u64);
            object.instant("endTime", leg.end + agent.acw_ms);
        });
    }
    if call.has_demand {
        routing(centre, call, agent.score.map(|score| (user, score)), object);
    }
    if has_left {
        object.instant("startAcwTime", leg.end);
        object.instant("endAcwTime", leg.end + agent.acw_ms);
    }
    if let Some(consulted) = agent.consulted.filter(|_| has_left) {
        object.id("consultParticipantId", consulted);
    }
}

fn routing(centre: &Centre, call: &Call, scored: Option<(&Reference, u64)>, object: &mut Object<'_>) {
    object.object("conversationRoutingData", |object| {
        object.raw("queue", &centre.queues[call.queue].address);
        object.raw("language", &centre.languages[call.language].address);
        if call.has_drifted {
            // A value that is no number, so it goes to `extra`.
            object.text("priority", "normal");
        } else {
            object.number("priority", call.priority);
        }
        object.list("skills", call.skill, |skill, out| out.extend_from_slice(&centre.skills[skill].address));
        object.list("scoredAgents", scored, |(user, score), out| {
            out.extend_from_slice(b"{\"agent\":");
            out.extend_from_slice(&user.address);
            out.extend_from_slice(b",\"score\":");
            write_number(score, out);
            out.push(b'}');
        });
    });
}

fn rare_members(centre: &Centre, leg: &Leg, object: &mut Object<'_>) {
    match leg.rare {
        Rare::Nothing | Rare::Held => {}
        Rare::Journey => object.object("journeyContext", |object| {
            object.object("customer", |object| {
                object.id("id", leg.peer);
                object.text("idType", "cookie");
            });
            object.object("customerSession", |object| {
                object.id("id", leg.id);
                object.text("type", "web");
            });
        }),
        Rare::Disposition => object.object("disposition", |object| {
            object.text("name", "disposition.classification.callable.person");
            object.text("analyzer", "alsd");
            object.object("silentCallTimeout", |object| {
                object.number("timeoutMs", 2500);
                object.instant("timerStartTime", leg.start + 5);
            });
        }),
        Rare::Error => object.raw(
            "errorInfo",
            br#"{"message":"no answer","code":"error.ininedgecontrol.session.noAnswer","status":408,"details":[],"errors":[]}"#,
        ),
        Rare::Uui => object.text("uuiData", "00504449;encoding=hex"),
        Rare::Flagged => object.text("flaggedReason", "general"),
        Rare::Monitored => object.id("monitoredParticipantId", leg.peer),
        Rare::Parked => object.instant("parkTime", leg.start + 4_000),
        Rare::Recorders => {
            object.raw("recordersState", br#"{"adhocState":"NONE","customerExperienceState":"ACTIVE"}"#);
        }
        Rare::GroupRing => object.raw("group", &centre.teams[0].full),
    }
}
