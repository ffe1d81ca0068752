//! The contact centre that all calls belong to: its people, queues and other entities with an id.

use super::{
    attributes::Attributes,
    json::Id,
    random::Random,
    settings::{Fraction, Settings},
    time::Calendar,
};

/// Area codes of telephone numbers. In each of them 555-01xx is reserved for examples.
pub(super) const AREAS: [&str; 12] =
    ["202", "212", "303", "312", "404", "415", "503", "602", "617", "702", "713", "808"];

pub(super) const FIRST_NAMES: [&str; 20] = [
    "Ada", "Bruno", "Chidi", "Dilan", "Elif", "Farid", "Greta", "Hana", "Igor", "Jonas", "Kemal", "Lotte", "Mila",
    "Nuno", "Olga", "Pavel", "Quinn", "Rosa", "Sven", "Tuva",
];
const LAST_NAMES: [&str; 16] = [
    "Abel",
    "Brandt",
    "Castro",
    "Duarte",
    "Eriksen",
    "Fuchs",
    "Gruber",
    "Hoxha",
    "Ivanov",
    "Jansen",
    "Keller",
    "Lindqvist",
    "Moreau",
    "Novak",
    "Okafor",
    "Petrov",
];
/// Non-ASCII names, with one to four bytes per character.
const UNICODE_NAMES: [&str; 10] = [
    "Søren Ekström",
    "Müge Yılmaz",
    "Jólan Köhler",
    "Łukasz Żak",
    "Ольга Петрова",
    "Νίκος Παππάς",
    "田中 さくら",
    "김민준",
    "Zoë 🌸 Ångström",
    "أحمد علي",
];
const TOWNS: [&str; 8] = [
    "Springfield IL",
    "Northtown",
    "Lakeview OH",
    "San Rafael ",
    "Kleinheim",
    "Port Alma",
    "Westbrook",
    "+15555550100",
];
const UNICODE_TOWNS: [&str; 4] = ["Wüstenrot", "Malmö", "São Roque", "東京"];
const QUEUES: [&str; 20] = [
    "Billing",
    "Sales",
    "Technical Support",
    "Retention",
    "Claims",
    "Cancellations",
    "Orders / Returns",
    "VIP",
    "Collections",
    "Onboarding",
    "Field Service",
    "After Hours",
    "Spanish",
    "Partners",
    "Loans",
    "Cards",
    "Fraud",
    "Travel",
    "Warranty",
    "Complaints",
];
const UNICODE_QUEUES: [&str; 4] = ["Kündigungen", "Español", "Rückruf", "客服"];
const WRAPUPS: [&str; 9] = [
    "Resolved",
    "Follow up",
    "Wrong number",
    "Sale",
    "No sale",
    "Escalated",
    "Callback agreed",
    "Cancelled",
    "Info given",
];

/// Numbers of entities of the kinds that have few.
const TEAMS: usize = 12;
const SCRIPTS: usize = 20;
const SKILLS: usize = 30;
const LANGUAGES: usize = 5;

/// An entity with an id, as JSON in the forms in which it is referred to.
#[derive(Debug)]
pub(super) struct Reference {
    pub id: Id,
    pub name: String,
    /// `{"id":..,"name":..,"selfUri":..}`, as REST gives it.
    pub full: Vec<u8>,
    /// `{"id":..,"name":..}`, as notifications give it.
    pub short: Vec<u8>,
    /// `{"id":..,"selfUri":..}`, where only an address is given.
    pub address: Vec<u8>,
}

impl Reference {
    fn new(random: &mut Random, kind: &str, name: String) -> Self {
        let id = Id(random.bits(), random.bits());
        let text = id.text();
        Self {
            id,
            full: format!(r#"{{"id":"{text}","name":"{name}","selfUri":"/api/v2/{kind}/{text}"}}"#).into_bytes(),
            short: format!(r#"{{"id":"{text}","name":"{name}"}}"#).into_bytes(),
            address: format!(r#"{{"id":"{text}","selfUri":"/api/v2/{kind}/{text}"}}"#).into_bytes(),
            name,
        }
    }
}

#[derive(Debug)]
pub(super) struct Centre {
    pub calendar: Calendar,
    pub attributes: Attributes,
    pub users: Vec<Reference>,
    pub queues: Vec<Reference>,
    pub teams: Vec<Reference>,
    pub scripts: Vec<Reference>,
    pub skills: Vec<Reference>,
    pub languages: Vec<Reference>,
    pub wrapups: Vec<Reference>,
    unicode: Fraction,
}

impl Centre {
    pub fn new(settings: &Settings) -> Self {
        // A stream that no part uses.
        let random = &mut Random::new(settings.seed, u64::MAX);
        let unicode = settings.unicode;
        let calendar = Calendar::new(settings.days, settings.day_skew, random);
        let attributes = Attributes::new(settings, random);
        let mut many = |number: usize, kind: &str, name: &dyn Fn(&mut Random, usize) -> String| -> Vec<Reference> {
            (0..number)
                .map(|index| {
                    let name = name(random, index);
                    Reference::new(random, kind, name)
                })
                .collect()
        };
        Self {
            users: many(settings.users, "users", &|random, _| person(random, unicode)),
            queues: many(settings.queues, "routing/queues", &|random, index| queue(random, unicode, index)),
            teams: many(TEAMS, "teams", &|_, index| format!("Team {}", index + 1)),
            scripts: many(SCRIPTS, "scripts", &|_, index| format!("Script {}", index + 1)),
            skills: many(SKILLS, "routing/skills", &|_, index| format!("Skill {}", index + 1)),
            languages: many(LANGUAGES, "routing/languages", &|_, index| format!("Language {}", index + 1)),
            wrapups: many(WRAPUPS.len(), "routing/wrapupcodes", &|_, index| WRAPUPS[index].to_owned()),
            calendar,
            attributes,
            unicode,
        }
    }

    /// What is given as the name of a caller: a place, or a number.
    pub fn place(&self, random: &mut Random) -> &'static str {
        if random.chance(self.unicode.get()) {
            random.pick::<&str>(&UNICODE_TOWNS)
        } else {
            random.pick::<&str>(&TOWNS)
        }
    }
}

fn person(random: &mut Random, unicode: Fraction) -> String {
    if random.chance(unicode.get()) {
        (*random.pick(&UNICODE_NAMES)).to_owned()
    } else {
        format!("{} {}", random.pick(&FIRST_NAMES), random.pick(&LAST_NAMES))
    }
}

fn queue(random: &mut Random, unicode: Fraction, index: usize) -> String {
    let base = if random.chance(unicode.get()) {
        UNICODE_QUEUES[index % UNICODE_QUEUES.len()]
    } else {
        QUEUES[index % QUEUES.len()]
    };
    // With more queues than names, the names get numbers.
    if index < QUEUES.len() { base.to_owned() } else { format!("{base} {}", index / QUEUES.len() + 1) }
}
