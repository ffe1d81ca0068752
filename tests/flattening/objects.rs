//! Objects, lists, maps and unknown members.

use partiquet::config::AttributeMap;

use super::flatten::{check, check_refused, check_with};

#[test]
fn nested_objects_become_columns() {
    check(
        r#"{"wrapup":{"duration_seconds":"12","provisional":{"weight":0.5,"debugInfo":{"x":[]},"isFinal":"no"},"code":null}}"#,
        &[&[
            "/wrapup/durationSeconds = 12",
            "/wrapup/provisional/weight = 0.5",
            r#"extra = {/wrapup/provisional/isFinal: "no"}"#,
        ]],
        &[
            "/wrapup/code: kept 1, null 1",
            "/wrapup/durationSeconds: coerced 1",
            "/wrapup/provisional/debugInfo: ignored 1",
            "/wrapup/provisional/isFinal: mismatched 1",
            "/wrapup/provisional/weight: kept 1",
        ],
    );
    check(
        r#"{"user":"u1","wrapup":{"provisional":[ ]}}"#,
        &[&[r#"extra = {/user: "u1", /wrapup/provisional: [ ]}"#]],
        &["/user: mismatched 1", "/wrapup/provisional: mismatched 1"],
    );
}

#[test]
fn unknown_members_keep_their_place_and_their_text() {
    check(
        r#"{"":1,"a/b":{"id": 1},"~":null,"user":{"x\u0041":[ ],"id":"u"},"Id":"not id","\u0069d":"i"}"#,
        &[&["/id = i", "/user/id = u", r#"extra = {/: 1, /a~1b: {"id": 1}, /~0: null, /user/xA: [ ], /Id: "not id"}"#]],
        &[
            "/: unknown 1",
            "/Id: unknown 1",
            "/a~1b: unknown 1",
            "/id: kept 1",
            "/user/id: kept 1",
            "/user/xA: unknown 1",
            "/~0: unknown 1",
        ],
    );
}

#[test]
fn lists_of_values() {
    check(
        r#"{"mediaRoles":[],"levels":[1,null,"2",3.5,[4]],"switches":[true,"false",0],"journal":[ {} ,null, 1e0 ]}"#,
        &[&[
            "/mediaRoles = []",
            "/levels = [1, null, 2, null, null]",
            "/switches = [true, false, null]",
            "/journal = [{}, null, 1e0]",
            "extra = {/levels/3: 3.5, /levels/4: [4], /switches/2: 0}",
        ]],
        &[
            "/journal: kept 1",
            "/journal/*: kept 3, null 1",
            "/levels: kept 1",
            "/levels/*: kept 2, null 1, coerced 1, mismatched 2",
            "/mediaRoles: kept 1",
            "/switches: kept 1",
            "/switches/*: kept 1, coerced 1, mismatched 1",
        ],
    );
    check(
        r#"{"mediaRoles":["a",{"id":"b","c":1},{"c":1}],"holdTimes":[0,"1970-01-01T00:00:01Z"],"ratios":{}}"#,
        &[&[
            "/mediaRoles = [a, b, null]",
            "/holdTimes = [0, 1000000]",
            r#"extra = {/mediaRoles/1/c: 1, /mediaRoles/2: {"c":1}, /ratios: {}}"#,
        ]],
        &[
            "/holdTimes: kept 1",
            "/holdTimes/*: kept 1, coerced 1",
            "/mediaRoles: kept 1",
            "/mediaRoles/*: kept 1, coerced 1, mismatched 1",
            "/mediaRoles/*/c: unknown 1",
            "/ratios: mismatched 1",
        ],
    );
}

#[test]
fn lists_of_objects() {
    check(
        r#"{"scoredAgents":[{"agent":{"id":"a","z":0},"score":"5","isActive":7},null,{},"x",{"y":true,"agent":null,"detail":[ 1 ]}]}"#,
        &[&[
            "/scoredAgents = [{a, null, null, 5, null, null, null, null}, null, {null, null, null, null, null, null, null, null}, \
             null, {null, null, null, null, null, null, null, [ 1 ]}]",
            r#"extra = {/scoredAgents/0/agent/z: 0, /scoredAgents/0/isActive: 7, /scoredAgents/3: "x", /scoredAgents/4/y: true}"#,
        ]],
        &[
            "/scoredAgents: kept 1",
            "/scoredAgents/*: kept 4, null 1, mismatched 1",
            "/scoredAgents/*/agent: kept 1, null 1",
            "/scoredAgents/*/agent/id: kept 1",
            "/scoredAgents/*/agent/z: unknown 1",
            "/scoredAgents/*/detail: kept 1",
            "/scoredAgents/*/isActive: mismatched 1",
            "/scoredAgents/*/score: coerced 1",
            "/scoredAgents/*/y: unknown 1",
        ],
    );
    check(r#"{"skills":[]}"#, &[&["/skills = []"]], &["/skills: kept 1"]);
    check(r#"{"skills":{"id":"s"}}"#, &[&[r#"extra = {/skills: {"id":"s"}}"#]], &["/skills: mismatched 1"]);
}

#[test]
fn maps() {
    check(
        r#"{"labels":{"b":"1","a":null,"":2.0,"c":[ true ],"\u0062b":""}}"#,
        &[&["/labels = {b: 1, a is null, : 2.0, c: [ true ], bb: }"]],
        &["/labels: kept 1", "/labels/*: kept 3, null 1, coerced 2"],
    );
    check(r#"{"labels":{}}"#, &[&["/labels = {}"]], &["/labels: kept 1"]);
    check(r#"{"labels":[]}"#, &[&["extra = {/labels: []}"]], &["/labels: mismatched 1"]);
}

const ATTRIBUTES: &str = r#"{"attributes":{"x":"1","IVR Priority":"high","~1/~0":2,"a.b":null,"y":{"id":1},"":""}}"#;
const ATTRIBUTE_COUNTS: &[&str] = &[
    "/attributes: kept 1",
    "/attributes/: kept 1",
    "/attributes/*: kept 1, coerced 1",
    "/attributes/IVR Priority: kept 1",
    "/attributes/a.b: kept 1, null 1",
    "/attributes/~01~1~00: coerced 1",
];

#[test]
fn promoted_attributes_leave_the_map() {
    check(
        ATTRIBUTES,
        &[&[
            "/attributes/ = ",
            "/attributes/IVR Priority = high",
            "/attributes/~01~1~00 = 2",
            r#"/attributes = {x: 1, y: {"id":1}}"#,
        ]],
        ATTRIBUTE_COUNTS,
    );
    check(
        r#"{"attributes":{"IVR Priority":"high"}}"#,
        &[&["/attributes/IVR Priority = high", "/attributes = {}"]],
        &["/attributes: kept 1", "/attributes/IVR Priority: kept 1"],
    );
    check(r#"{"attributes":"x"}"#, &[&[r#"extra = {/attributes: "x"}"#]], &["/attributes: mismatched 1"]);
}

#[test]
fn promoted_attributes_stay_in_the_map_when_asked_for() {
    check_with(
        AttributeMap::All,
        ATTRIBUTES,
        &[&[
            "/attributes/ = ",
            "/attributes/IVR Priority = high",
            "/attributes/~01~1~00 = 2",
            r#"/attributes = {x: 1, IVR Priority: high, ~1/~0: 2, a.b is null, y: {"id":1}, : }"#,
        ]],
        ATTRIBUTE_COUNTS,
    );
}

#[test]
fn without_a_map_every_key_needs_a_column() {
    check_with(
        AttributeMap::None,
        r#"{"attributes":{"IVR Priority":"high"}}"#,
        &[&["/attributes/IVR Priority = high"]],
        &["/attributes: kept 1", "/attributes/IVR Priority: kept 1"],
    );
    check_refused(AttributeMap::None, ATTRIBUTES, "attribute");
}

#[test]
fn a_member_given_twice_rejects_the_record() {
    for record in [
        r#"{"id":"a","id":"a"}"#,
        r#"{"id":"a","\u0069d":"a"}"#,
        r#"{"startTime":null,"start_time":null}"#,
        r#"{"start_time":0,"id":"a","startTime":0}"#,
        r#"{"x":1,"x":1}"#,
        r#"{"x":{"y":{"z":1,"z":2}}}"#,
        r#"{"x":[[{"z":1},{"z":1,"z":2}]]}"#,
        r#"{"errorInfo":{"a":0,"\u0061":0}}"#,
        r#"{"pageNumber":{"a":0,"a":0}}"#,
        r#"{"attributes":{"a":"0","a":"0"}}"#,
        r#"{"attributes":{"IVR Priority":"0","IVR Priority":null}}"#,
        r#"{"labels":{"é":"0","\u00e9":"0"}}"#,
        r#"{"user":{"selfUri":"","self_uri":""}}"#,
        r#"{"skills":[{"self_uri":"","selfUri":""}]}"#,
        r#"{"id":{"id":"a","id":"b"}}"#,
        r#"{"pageNumber":1,"page_number":2}"#,
        r#"{"participants":[{}],"x":1,"x":2}"#,
        r#"{"participants":[],"participants":[]}"#,
        r#"{"startTime":0,"participants":[{}],"start_time":0}"#,
        r#"{"entities":[{"id":"a","id":"b"}]}"#,
        r#"{"eventBody":{"participants":[{"id":"a","id":"b"}]}}"#,
    ] {
        check_refused(AttributeMap::Rest, record, "duplicate");
    }
    // The same name in two objects is not a duplicate, nor are both spellings where the model does not look.
    check(
        r#"{"labels":{"selfUri":"a","self_uri":"b","SelfUri":"c"}}"#,
        &[&["/labels = {selfUri: a, self_uri: b, SelfUri: c}"]],
        &["/labels: kept 1", "/labels/*: kept 3"],
    );
}
