//! The results as one self-contained HTML page, to be opened anywhere and shown to a colleague.

use std::fmt::Write;

use partiquet::Result;

use super::{
    chart::{self, Bar, Line},
    figures::{Figures, Outcome, Results, Row},
    table,
};
use crate::cli::human;

const STYLE: &str = include_str!("page.css");

/// Stages, in the order in which data passes through them.
const STAGES: [&str; 6] = ["sample", "read", "decode", "route", "encode", "commit"];

/// Renders the page.
///
/// # Errors
/// [`Error::Bug`](partiquet::Error::Bug) for a chart that cannot be drawn.
pub fn render(results: &Results) -> Result<String> {
    let mut body = head(results);
    for (title, about, svg) in charts(results)? {
        let _ = writeln!(body, "<section><h2>{title}</h2><p>{about}</p>{svg}</section>");
    }
    body.push_str(&figures(results));
    let notes = all(table::notes_list(results), |note| format!("<li>{}</li>", escaped(&note)));
    let _ = writeln!(body, "<section><h2>How it was measured</h2><ul class=\"notes\">{notes}</ul></section>");
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>partiquet bench</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    ))
}

/// Our rows that were measured.
fn ours(results: &Results) -> impl Iterator<Item = (&Row, &Figures)> {
    results.rows.iter().filter(|row| row.contender.is_ours()).filter_map(|row| Some((row, measured(row)?)))
}

const fn measured(row: &Row) -> Option<&Figures> {
    match &row.outcome {
        Outcome::Measured(figures) => Some(figures),
        Outcome::Cannot(_) => None,
    }
}

fn head(results: &Results) -> String {
    let mut head = format!(
        "<header><h1>partiquet bench</h1><p>{}</p><p class=\"machine\">{}</p></header>\n",
        escaped(&table::about(results)),
        escaped(&table::machine(results)),
    );
    let all_attributes = ours(results).filter(|(row, _)| row.contender.keys().is_none());
    let best = all_attributes.max_by(|(_, a), (_, b)| a.bytes_per_second().total_cmp(&b.bytes_per_second()));
    if let Some((row, best)) = best {
        let name = table::row_name(results, row);
        let tiles = [
            (format!("{:.0} MB/s", best.bytes_per_second() / 1e6), format!("of JSON: {name}")),
            (human::count(best.rows_per_second() as u64), "rows a second".to_owned()),
            (human::bytes(best.peak_bytes()), "peak memory".to_owned()),
            (
                format!("{:.0} %", best.output_bytes as f64 * 100.0 / best.json_bytes.max(1) as f64),
                format!("of the JSON's size: {}", human::bytes(best.output_bytes)),
            ),
        ];
        let tiles = all(tiles, |(number, about)| {
            format!("<div><strong>{}</strong><span>{}</span></div>", escaped(&number), escaped(&about))
        });
        let _ = writeln!(head, "<div class=\"tiles\">{tiles}</div>");
    }
    head
}

/// Title, explanation and SVG of each chart.
fn charts(results: &Results) -> Result<Vec<(&'static str, String, String)>> {
    let mut charts = Vec::new();
    let throughput: Vec<Bar> = results
        .rows
        .iter()
        .filter_map(|row| {
            let figures = measured(row)?;
            let rate = figures.bytes_per_second() / 1e6;
            let times = figures.times_ours.map(|times| format!(", {times:.1} times our time")).unwrap_or_default();
            let colour = if row.contender.is_ours() { chart::OURS } else { chart::OTHERS };
            let said = format!("{rate:.0} MB/s{times}");
            let parts = vec![(rate, colour)];
            let of = |wall: f64| figures.json_bytes as f64 / wall / 1e6;
            let spread = Some((of(figures.max_wall()), of(figures.min_wall())));
            Some(Bar { label: table::row_name(results, row), parts, spread, said })
        })
        .collect();
    charts.push((
        "Throughput",
        "JSON converted in a second of wall time, median of all rounds; the thin line is their spread. Longer is better.".to_owned(),
        chart::bars(&throughput)?,
    ));
    if let Some(svg) = threads(results)? {
        let about = "Throughput by worker threads; the thin line is twice as much for twice the threads.".to_owned();
        charts.push(("Scaling with threads", about, svg));
    }
    if let Some(svg) = sizes(results)? {
        let about = "Throughput by size of the input: a level line means that twice the input takes twice the time.";
        charts.push(("Scaling with size", about.to_owned(), svg));
    }
    if results.rows.iter().any(|row| !row.contender.is_ours()) {
        let memory: Vec<Bar> = results
            .rows
            .iter()
            .filter_map(|row| {
                let figures = measured(row)?;
                let colour = if row.contender.is_ours() { chart::OURS } else { chart::OTHERS };
                let peak = figures.peak_bytes();
                let parts = vec![(peak as f64, colour)];
                Some(Bar { label: table::row_name(results, row), parts, spread: None, said: human::bytes(peak) })
            })
            .collect();
        let about = "Greatest resident memory of any round. Shorter is better.".to_owned();
        charts.push(("Peak memory", about, chart::bars(&memory)?));
    }
    charts.push(("Time by stage", stage_legend(), stages(results)?));
    Ok(charts)
}

/// Lines of our throughput: one for each group of settings that differ only in `x` and that has at least two points.
fn scaling(results: &Results, is_same: impl Fn(usize, usize) -> bool, x: impl Fn(usize) -> f64) -> Vec<Line> {
    let mut groups: Vec<Vec<(&Row, &Figures)>> = Vec::new();
    for (row, figures) in ours(results) {
        let of = |group: &&mut Vec<(&Row, &Figures)>| {
            group[0].0.contender == row.contender && is_same(group[0].0.setting, row.setting)
        };
        match groups.iter_mut().find(of) {
            Some(group) => group.push((row, figures)),
            None => groups.push(vec![(row, figures)]),
        }
    }
    groups
        .into_iter()
        .zip(chart::SERIES.iter().cycle())
        .filter_map(|(group, colour)| {
            let mut points: Vec<(f64, f64)> =
                group.iter().map(|(row, figures)| (x(row.setting), figures.bytes_per_second() / 1e6)).collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            let rate = points.last()?.1;
            let name = format!("{rate:.0} MB/s, {}", table::row_name(results, group.last()?.0));
            (points.len() > 1).then_some(Line { name, points, colour: *colour })
        })
        .collect()
}

fn threads(results: &Results) -> Result<Option<String>> {
    let settings = &results.settings;
    let lines = scaling(
        results,
        |a, b| settings[a].is_same_but_threads(&settings[b]),
        |setting| settings[setting].threads as f64,
    );
    let at_end = |line: &Line| line.points.last().map_or(0.0, |point| point.1);
    let Some(first) = lines.iter().max_by(|a, b| at_end(a).total_cmp(&at_end(b))) else { return Ok(None) };
    let ideal = first.points.first().map(|(x, y)| {
        let end = first.points.last().map_or(*x, |last| last.0);
        Line { name: String::new(), points: vec![(*x, *y), (end, y * end / x)], colour: chart::OTHERS }
    });
    chart::lines(&lines, "threads", "MB/s", ideal.as_ref()).map(Some)
}

fn sizes(results: &Results) -> Result<Option<String>> {
    let settings = &results.settings;
    let bytes = |setting: usize| settings[setting].input.generated.unwrap_or_default() as f64 / 1e6;
    let lines = scaling(results, |a, b| settings[a].is_same_but_size(&settings[b]), bytes);
    if lines.is_empty() { Ok(None) } else { chart::lines(&lines, "MB of JSON", "MB/s", None).map(Some) }
}

fn stages(results: &Results) -> Result<String> {
    let bars: Vec<Bar> = ours(results)
        .filter_map(|(row, figures)| {
            let stages = figures.stages?;
            let seconds = [stages.sample, stages.read, stages.decode, stages.route, stages.encode, stages.commit];
            let parts = seconds.into_iter().zip(chart::SERIES).collect();
            let said = format!("{:.2} s", seconds.iter().sum::<f64>());
            Some(Bar { label: table::row_name(results, row), parts, spread: None, said })
        })
        .collect();
    chart::bars(&bars)
}

fn stage_legend() -> String {
    let mut legend = "Seconds of work, summed over all threads, mean of all rounds.".to_owned();
    for (stage, colour) in STAGES.iter().zip(chart::SERIES) {
        let (r, g, b) = (colour.0, colour.1, colour.2);
        let _ = write!(legend, " <span class=\"key\"><i style=\"background:rgb({r},{g},{b})\"></i>{stage}</span>");
    }
    legend
}

fn figures(results: &Results) -> String {
    let mut html = "<section><h2>All figures</h2><div class=\"wide\"><table>\n<thead><tr>".to_owned();
    let heads = table::HEADS;
    for head in heads {
        let _ = write!(html, "<th>{head}</th>");
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for (row, cells) in results.rows.iter().zip(table::cells(results)) {
        html.push_str(if row.contender.is_ours() { "<tr class=\"ours\">" } else { "<tr>" });
        for (index, cell) in cells.iter().enumerate() {
            let span = if index == 1 && cells.len() < heads.len() { heads.len() - 1 } else { 1 };
            let _ = write!(html, "<td colspan=\"{span}\">{}</td>", escaped(cell));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div></section>");
    html
}

/// Concatenates the text of all items.
fn all<T>(items: impl IntoIterator<Item = T>, text: impl Fn(T) -> String) -> String {
    items.into_iter().map(text).collect::<Vec<_>>().concat()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
