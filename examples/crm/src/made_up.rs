//! The customers of a made-up company, and a made-up past.

use crate::book::{Change, Edit, Kind, Record, Values};

const DAY: i64 = 24 * 3600;

/// Name, industry, city, stage, website and note; then who works there: name, role, e-mail
/// and phone.
type Row = (Company, &'static [Person]);
type Company = [&'static str; 6];
type Person = [&'static str; 4];

const ROWS: [Row; 8] = [
    (
        [
            "Harbor & Finch",
            "Tableware",
            "Porto",
            "Proposal sent",
            "https://harborfinch.example",
            "Wants samples of the blue glaze before signing.",
        ],
        &[
            [
                "Ines Duarte",
                "Head of purchasing",
                "ines@harborfinch.example",
                "+351 22 555 0101",
            ],
            ["Rui Salgado", "Warehouse", "rui@harborfinch.example", ""],
        ],
    ),
    (
        [
            "Kestrel Optics",
            "Instruments",
            "Gdańsk",
            "First talk",
            "https://kestrel.example",
            "",
        ],
        &[[
            "Tomasz Wilk",
            "Founder",
            "tomasz@kestrel.example",
            "+48 58 555 0123",
        ]],
    ),
    (
        [
            "Blue Orchard Foods",
            "Groceries",
            "Durban",
            "Won",
            "https://blueorchard.example",
            "Renews every March.",
        ],
        &[
            [
                "Naledi Mokoena",
                "Director",
                "naledi@blueorchard.example",
                "+27 31 555 0144",
            ],
            [
                "Sipho Dube",
                "Accounts",
                "sipho@blueorchard.example",
                "+27 31 555 0145",
            ],
        ],
    ),
    (
        [
            "Atlas Bicycle Works",
            "Manufacturing",
            "Malmö",
            "Negotiation",
            "https://atlasbicycle.example",
            "Asks for delivery in two parts.",
        ],
        &[[
            "Jonas Berg",
            "Operations",
            "jonas@atlasbicycle.example",
            "+46 40 555 0166",
        ]],
    ),
    (
        [
            "Sunhill Clinics",
            "Health care",
            "Chennai",
            "Proposal sent",
            "https://sunhill.example",
            "",
        ],
        &[
            [
                "Priya Raman",
                "Head of IT",
                "priya@sunhill.example",
                "+91 44 5550 0188",
            ],
            ["Arun Nair", "Purchasing", "arun@sunhill.example", ""],
        ],
    ),
    (
        [
            "Northlight Studio",
            "Architecture",
            "Lyon",
            "Won",
            "https://northlight.example",
            "",
        ],
        &[[
            "Maëlle Caron",
            "Partner",
            "maelle@northlight.example",
            "+33 4 55 50 01 02",
        ]],
    ),
    (
        [
            "Quarry Lane Books",
            "Retail",
            "Galway",
            "On hold",
            "",
            "Call again in spring.",
        ],
        &[[
            "Orla Keane",
            "Owner",
            "orla@quarrylane.example",
            "+353 91 555 017",
        ]],
    ),
    (
        [
            "Mirador Travel",
            "Travel",
            "Valparaíso",
            "First talk",
            "https://mirador.example",
            "",
        ],
        &[[
            "Tomás Rojas",
            "Sales",
            "tomas@mirador.example",
            "+56 32 555 0110",
        ]],
    ),
];

/// Everything that stands in the book when the CRM starts, and how it came there.
pub(crate) fn records(now: i64) -> (Vec<Record>, Vec<Change>) {
    let mut records = Vec::new();
    let mut changes = Vec::new();
    for ((company, people), days) in ROWS.iter().zip([41, 33, 212, 19, 12, 98, 60, 4]) {
        let id = add(
            &mut records,
            Kind::Company,
            None,
            company.map(str::to_owned),
        );
        changes.push(added(id, now - days * DAY));
        for [name, role, email, phone] in *people {
            let city = company.get(2).copied().unwrap_or_default();
            let values = [*name, *role, *email, *phone, city, ""].map(str::to_owned);
            let contact = add(&mut records, Kind::Contact, Some(id), values);
            changes.push(added(contact, now - days * DAY + 300));
        }
    }
    changes.push(Change {
        record: 1,
        by: "Mateus Carvalho".to_owned(),
        at: now - 2 * DAY - 5400,
        edits: vec![
            edit("Stage", "First talk", "Proposal sent"),
            edit(
                "Note",
                "",
                "Wants samples of the blue glaze before signing.",
            ),
        ],
    });
    changes.push(Change {
        record: 2,
        by: "Mateus Carvalho".to_owned(),
        at: now - 9 * DAY,
        edits: vec![edit("Role", "Purchasing", "Head of purchasing")],
    });
    (records, changes)
}

fn add(records: &mut Vec<Record>, kind: Kind, company: Option<u32>, values: Values) -> u32 {
    let id = u32::try_from(records.len()).unwrap_or_default() + 1;
    records.push(Record {
        id,
        kind,
        company,
        values,
        version: 1,
    });
    id
}

fn added(record: u32, at: i64) -> Change {
    Change {
        record,
        by: "Mateus Carvalho".to_owned(),
        at,
        edits: Vec::new(),
    }
}

fn edit(field: &'static str, before: &str, after: &str) -> Edit {
    Edit {
        field,
        before: before.to_owned(),
        after: after.to_owned(),
    }
}
