//! Charts as SVG, embedded in the page.

use partiquet::{Error, Result};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::{
    chart::ChartBuilder,
    coord::{
        Shift,
        ranged1d::{IntoSegmentedCoord, SegmentValue},
    },
    drawing::{DrawingArea, IntoDrawingArea},
    element::{Circle, PathElement, Rectangle, Text},
    prelude::SVGBackend,
    series::LineSeries,
    style::{Color, FontStyle, IntoFont, RGBColor, TextStyle},
};

/// Colours for our program, for others, and for the parts of a whole. They differ for colour-blind readers too.
pub const OURS: RGBColor = RGBColor(0, 109, 119);
pub const OTHERS: RGBColor = RGBColor(173, 181, 189);
pub const SERIES: [RGBColor; 6] = [
    RGBColor(0, 109, 119),
    RGBColor(226, 149, 120),
    RGBColor(131, 197, 190),
    RGBColor(94, 84, 142),
    RGBColor(201, 162, 39),
    RGBColor(173, 181, 189),
];

const INK: RGBColor = RGBColor(52, 58, 64);
const FAINT: RGBColor = RGBColor(222, 226, 230);
const FONT: &str = "system-ui, sans-serif";
/// Blanks that SVG does not collapse.
const GAP: &str = "\u{a0}\u{a0}";
const WIDTH: u32 = 900;
const BAR_HEIGHT: u32 = 34;
const LABEL_WIDTH: u32 = 300;
/// Vertical distance between two line names, as a fraction of the chart's height.
const NAME_HEIGHT: f64 = 0.07;

/// One bar: its parts from left to right, and the text after its end.
pub struct Bar {
    pub label: String,
    pub parts: Vec<(f64, RGBColor)>,
    /// Minimum and maximum of all rounds, drawn as a thin line across the end.
    pub spread: Option<(f64, f64)>,
    pub said: String,
}

/// A line with a name.
pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
    pub colour: RGBColor,
}

/// Horizontal bars, the first at the top.
pub fn bars(bars: &[Bar]) -> Result<String> {
    let height = BAR_HEIGHT * bars.len() as u32 + 8;
    let end = |bar: &Bar| {
        let whole: f64 = bar.parts.iter().map(|(value, _)| value).sum();
        bar.spread.map_or(whole, |(_, most)| most.max(whole))
    };
    let most = bars.iter().map(end).fold(0.0, f64::max);
    draw(height, |root| {
        let mut chart = ChartBuilder::on(root)
            .margin(4)
            .set_label_area_size(plotters::chart::LabelAreaPosition::Left, LABEL_WIDTH)
            // Leaves space for the text after the longest bar.
            .build_cartesian_2d(
                0.0..most.max(f64::MIN_POSITIVE) * 1.35,
                (0..bars.len().saturating_sub(1)).into_segmented(),
            )
            .map_err(bug)?;
        chart
            .configure_mesh()
            .disable_mesh()
            .disable_x_axis()
            .y_labels(bars.len())
            .y_label_formatter(&|value| match value {
                SegmentValue::CenterOf(at) => {
                    bars.get(bars.len().wrapping_sub(1 + *at)).map(|bar| bar.label.clone()).unwrap_or_default()
                }
                SegmentValue::Exact(_) | SegmentValue::Last => String::new(),
            })
            .label_style(text(15))
            .axis_style(FAINT)
            .draw()
            .map_err(bug)?;
        for (index, bar) in bars.iter().enumerate() {
            let at = bars.len() - 1 - index;
            let mut from = 0.0;
            for (value, colour) in &bar.parts {
                let corners = [(from, SegmentValue::Exact(at)), (from + value, SegmentValue::Exact(at + 1))];
                let mut rectangle = Rectangle::new(corners, colour.filled());
                rectangle.set_margin(6, 6, 0, 0);
                chart.draw_series([rectangle]).map_err(bug)?;
                from += value;
            }
            let middle = SegmentValue::CenterOf(at);
            if let Some((least, most)) = bar.spread {
                let line = PathElement::new([(least, middle.clone()), (most, middle.clone())], INK.stroke_width(2));
                chart.draw_series([line]).map_err(bug)?;
            }
            let style = text(15).pos(Pos::new(HPos::Left, VPos::Center));
            let behind = bar.spread.map_or(from, |(_, most)| most.max(from));
            let behind = Text::new(format!("{GAP}{}", bar.said), (behind, middle), style);
            chart.draw_series([behind]).map_err(bug)?;
        }
        Ok(())
    })
}

/// Lines over one axis; the name of each is written at its end.
pub fn lines(lines: &[Line], x_name: &str, y_name: &str, ideal: Option<&Line>) -> Result<String> {
    let points = || lines.iter().chain(ideal).flat_map(|line| &line.points);
    let most = |of: fn(&(f64, f64)) -> f64| points().map(of).fold(0.0, f64::max);
    let (x_most, y_most) = (most(|point| point.0), most(|point| point.1));
    draw(340, |root| {
        let mut chart = ChartBuilder::on(root)
            .margin(12)
            .set_label_area_size(plotters::chart::LabelAreaPosition::Left, 70)
            .set_label_area_size(plotters::chart::LabelAreaPosition::Bottom, 48)
            .build_cartesian_2d(0.0..x_most * 1.45, 0.0..y_most * 1.12)
            .map_err(bug)?;
        chart
            .configure_mesh()
            .light_line_style(RGBColor(255, 255, 255))
            .bold_line_style(FAINT)
            .axis_style(FAINT)
            .x_labels(8)
            .x_desc(x_name)
            .y_desc(y_name)
            .x_label_formatter(&|value| {
                if *value <= x_most && value.fract() == 0.0 { short(*value) } else { String::new() }
            })
            .y_label_formatter(&|value| short(*value))
            .label_style(text(14))
            .axis_desc_style(text(14))
            .draw()
            .map_err(bug)?;
        for line in ideal.into_iter().chain(lines) {
            let style =
                line.colour.stroke_width(if ideal.is_some_and(|ideal| std::ptr::eq(ideal, line)) { 1 } else { 3 });
            chart.draw_series(LineSeries::new(line.points.iter().copied(), style)).map_err(bug)?;
            let dots = line.points.iter().map(|point| Circle::new(*point, 4, line.colour.filled()));
            chart.draw_series(dots).map_err(bug)?;
        }
        // Names are placed from the lowest upwards, so that each is clear of the one below it.
        let mut ends: Vec<(&Line, (f64, f64))> =
            lines.iter().filter_map(|line| Some((line, *line.points.last()?))).collect();
        ends.sort_by(|(_, a), (_, b)| a.1.total_cmp(&b.1));
        let mut clear = f64::MIN;
        for (line, (x, y)) in ends {
            let y = y.max(clear);
            clear = y + y_most * NAME_HEIGHT;
            let style = text(14).pos(Pos::new(HPos::Left, VPos::Center));
            chart.draw_series([Text::new(format!("{GAP}{}", line.name), (x, y), style)]).map_err(bug)?;
        }
        Ok(())
    })
}

fn text(size: u32) -> TextStyle<'static> {
    TextStyle::from((FONT, size).into_font().style(FontStyle::Normal)).color(&INK)
}

/// `0.5`, `12`.
fn short(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn draw(height: u32, fill: impl FnOnce(&Area<'_>) -> Result<()>) -> Result<String> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        fill(&root)?;
        root.present().map_err(bug)?;
    }
    Ok(svg)
}

/// Drawing to memory does not fail.
fn bug(error: impl std::fmt::Display) -> Error {
    Error::Bug(format!("a chart cannot be drawn: {error}"))
}
