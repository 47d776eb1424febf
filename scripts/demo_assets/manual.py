"""The manual: four pages of a printer's service guide, with an exploded drawing of the drive."""

import math

from reportlab.lib import colors
from reportlab.lib.enums import TA_CENTER
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, KeepTogether, NextPageTemplate, PageBreak, PageTemplate
from reportlab.platypus import Paragraph, Spacer, Table, TableStyle

INK, ACCENT, PALE = colors.HexColor("#22303a"), colors.HexColor("#0b6e8a"), colors.HexColor("#e7f0f3")
NYLON, STEEL = colors.HexColor("#efe8d6"), colors.HexColor("#c9d0d4")
TITLE = "Drive unit: inspection and repair"

BODY = ParagraphStyle("body", fontName="Helvetica", fontSize=10, leading=14.5, textColor=INK, spaceAfter=6)
HEADING = ParagraphStyle("heading", BODY, fontName="Helvetica-Bold", fontSize=15, leading=19, spaceBefore=8, textColor=ACCENT)
SMALL = ParagraphStyle("small", BODY, fontSize=8.5, leading=11.5)
STEP = ParagraphStyle("step", BODY, leftIndent=16, bulletIndent=0)
CAPTION = ParagraphStyle("caption", SMALL, alignment=TA_CENTER, textColor=colors.HexColor("#55646d"))

STEPS = [
    "Switch the printer off and pull the mains plug. Wait twenty minutes: the fuser beside the drive is hot.",
    "Take out the paper tray and the toner. Lay the printer on its right side, on something soft.",
    "Take out the two screws (7) of the left panel. Slide the panel 8 mm to the rear and lift it off.",
    "Turn the drive gear (2) by hand, through one full turn. It should run evenly and without a click.",
    "Pull the retaining ring (1) off the shaft (5). Lift off gear and pinion (3) together, then the washer (4).",
    "Wipe old grease off the shaft. One drop of the grease that comes with the part is enough.",
    "Put washer, pinion and the new gear on, in this order, then the ring. The ring has to click into its groove.",
    "Turn by hand again. Fit panel, tray and toner, then print page 9 of the service menu.",
]
FAULTS = [
    ("A click in each turn of the roller", "A tooth of the drive gear is broken", "Replace the gear (2)"),
    ("Paper stops half-way, error 43", "The gear slips: two teeth or more are gone", "Replace gear and pinion (2, 3)"),
    ("A whistle that rises with speed", "The shaft runs dry", "Clean it, one drop of grease"),
    ("Stripes every 94 mm", "The pressure roller is worn", "Not in this guide: call service"),
    ("Motor hums, nothing turns", "The panel presses on the shaft", "Fit the panel again, without force"),
]
PARTS = [
    ("1", "Retaining ring, 6 mm", "RR-006", "2"),
    ("2", "Drive gear, 26 teeth, natural nylon", "DG-026", "1"),
    ("3", "Pinion, 14 teeth, black", "PN-014", "1"),
    ("4", "Washer, 6.2 x 12 x 0.5 mm", "WA-062", "1"),
    ("5", "Shaft, 6 x 58 mm, with groove", "SH-658", "1"),
    ("6", "Bearing plate", "BP-110", "1"),
    ("7", "Screw, 3 x 10 mm, self-tapping", "SC-310", "2"),
]


class Drawing(Flowable):
    """The drive, exploded along its axis, seen from the side at an angle."""

    SQUASH, LEAN = 0.42, 0.30  # how a circle and the axis appear

    def __init__(self):
        super().__init__()
        self.width, self.height = 160 * mm, 100 * mm

    def draw(self):
        pen = self.canv
        pen.setLineJoin(1)
        pen.setStrokeColor(colors.HexColor("#8aa0aa"))
        pen.setDash(6, 3)
        pen.line(6 * mm, self.axis(6), 154 * mm, self.axis(154))
        pen.setDash()
        self.plate(146)
        self.body([6, 6], [112, 76], STEEL)
        self.body([12, 12], [70, 68.5], STEEL, bore=6)
        self.toothed(52, 14, 15, 19, 10, colors.HexColor("#4a5257"))
        self.toothed(30, 26, 27, 31.5, 8, NYLON)
        self.body([9, 9], [11, 9.5], STEEL, bore=6)
        self.screw(122, 14)
        self.screw(134, 18)
        labels = [(1, 10, 88), (2, 30, 92), (3, 54, 88), (4, 69, 82), (5, 94, 76), (6, 142, 94), (7, 134, 6)]
        for number, x, y in labels:
            target = 20 if number == 7 else self.axis(x) / mm + {2: 25, 3: 14, 6: 24}.get(number, 6)
            self.label(number, x, y, target)

    def axis(self, x):
        return (34 + (x - 6) * self.LEAN * 0.55) * mm

    def ring(self, x, radius_at, around=96):
        points = [i * 2 * math.pi / around for i in range(around)]
        return [(x * mm + math.cos(a) * radius_at(a) * mm * self.SQUASH, self.axis(x) + math.sin(a) * radius_at(a) * mm) for a in points]

    def outline(self, points, fill):
        path = self.canv.beginPath()
        path.moveTo(*points[0])
        for point in points[1:]:
            path.lineTo(*point)
        path.close()
        self.canv.setFillColor(fill)
        self.canv.setStrokeColor(INK)
        self.canv.setLineWidth(0.7)
        self.canv.drawPath(path, fill=1, stroke=1)

    def body(self, radii, ends, fill, bore=0):
        far, near = (self.ring(x, lambda _, r=r / 2: r) for x, r in zip(ends, radii))
        quarter = len(far) // 4
        self.outline(far[-quarter:] + far[: quarter + 1] + [near[quarter], near[-quarter]], fill)
        self.outline(near, fill)
        if bore:
            self.outline(self.ring(ends[1], lambda _: bore / 2), colors.white)

    def toothed(self, x, teeth, root, tip, thick, fill):
        def radius(angle):
            phase = (angle * teeth / (2 * math.pi)) % 1
            return (root + (tip - root) * min(1, max(0, (0.5 - abs(phase - 0.5) - 0.12) / 0.16)))

        for step in range(thick, -1, -1):
            self.outline(self.ring(x + step, radius, teeth * 12), fill)
        self.outline(self.ring(x, lambda _: root * 0.82), fill)
        self.body([root * 0.62, root * 0.62], [x, x - 3], fill, bore=6)

    def plate(self, x):
        y, w, h = self.axis(x), 9 * mm, 26 * mm
        slant = 6 * mm
        self.outline([(x * mm - w, y - h), (x * mm + w, y - h + slant), (x * mm + w, y + h), (x * mm - w, y + h - slant)], PALE)
        for side in (-18, 18):
            self.outline([(px, py + side * mm) for px, py in self.ring(x, lambda _: 2.2)], colors.white)
        self.outline(self.ring(x, lambda _: 5), colors.white)

    def screw(self, x, y):
        pen = self.canv
        pen.setFillColor(STEEL)
        pen.setStrokeColor(INK)
        pen.rect(x * mm, (y - 1.2) * mm, 9 * mm, 2.4 * mm, fill=1)
        for turn in range(8):
            pen.line((x + 1 + turn) * mm, (y - 1.6) * mm, (x + 1.6 + turn) * mm, (y + 1.6) * mm)
        pen.roundRect((x - 2.4) * mm, (y - 2.6) * mm, 2.6 * mm, 5.2 * mm, 1 * mm, fill=1)

    def label(self, number, x, y, target):
        pen = self.canv
        pen.setStrokeColor(ACCENT)
        pen.setLineWidth(0.8)
        pen.line(x * mm, (y - 3.4 if y > target else y + 3.4) * mm, x * mm, target * mm)
        pen.setFillColor(colors.white)
        pen.circle(x * mm, y * mm, 3.4 * mm, fill=1)
        pen.setFillColor(ACCENT)
        pen.setFont("Helvetica-Bold", 10)
        pen.drawCentredString(x * mm, y * mm - 3.5, str(number))


def table(rows, widths):
    cells = [[Paragraph(cell, SMALL) for cell in row] for row in rows]
    made = Table(cells, colWidths=[w * mm for w in widths], repeatRows=1)
    made.setStyle(TableStyle([
        ("BACKGROUND", (0, 0), (-1, 0), PALE),
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, colors.HexColor("#b8c6cc")),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ]))
    return made


def cover(pen, _document):
    width, height = A4
    pen.setFillColor(ACCENT)
    pen.rect(0, height - 92 * mm, width, 92 * mm, fill=1, stroke=0)
    pen.setFillColor(colors.white)
    pen.setFont("Helvetica-Bold", 30)
    pen.drawString(25 * mm, height - 58 * mm, TITLE)
    pen.setFont("Helvetica", 14)
    pen.drawString(25 * mm, height - 70 * mm, "Office printers of the 400 series. Service guide 7, second edition")
    foot(pen, _document)


def foot(pen, document):
    pen.setFont("Helvetica", 8)
    pen.setFillColor(colors.HexColor("#55646d"))
    pen.drawString(25 * mm, 14 * mm, f"Service guide 7: {TITLE.lower()}")
    pen.drawRightString(185 * mm, 14 * mm, f"Page {document.page}")


def story():
    """The text, in order."""
    yield NextPageTemplate("inner")
    yield Paragraph("What this guide is for", HEADING)
    yield Paragraph(
        "The drive turns the paper rollers. Its largest gear is made of nylon on purpose: when a staple or a folded "
        "corner blocks the rollers, the gear gives way before the motor does. A broken tooth is therefore the usual "
        "fault, and one that can be mended at a desk in a quarter of an hour.", BODY)
    yield Paragraph(
        "Send your help desk a photograph of the part beside a ruler. The number that is moulded into the web of the "
        "gear has to be readable on it; it tells which of the two gears of this series you have.", BODY)
    yield Paragraph("You need", HEADING)
    for item in ("a cross-head screwdriver, size 1", "a cloth without lint", "the spare part with its sachet of grease", "fifteen minutes"):
        yield Paragraph(item, STEP, bulletText="•")
    yield Paragraph("Safety", HEADING)
    warning = Table([[Paragraph(
        "<b>Hot surface, moving parts.</b> Never open the panel while the printer is plugged in. The fuser reaches "
        "190 °C and stays hot for twenty minutes. Keep sleeves and cords away from the rollers.", BODY)]], colWidths=[160 * mm])
    warning.setStyle(TableStyle([("BOX", (0, 0), (-1, -1), 1.2, colors.HexColor("#c8781e")), ("BACKGROUND", (0, 0), (-1, -1), colors.HexColor("#fdf3e4"))]))
    yield warning
    yield PageBreak()
    yield Paragraph("The drive and its parts", HEADING)
    yield Drawing()
    yield Paragraph("Figure 1. The drive, pulled apart along its axis. Numbers as in the list of parts.", CAPTION)
    yield Spacer(1, 6 * mm)
    yield table([("No.", "Part", "Order number", "Pieces"), *PARTS], (14, 90, 36, 20))
    yield PageBreak()
    yield Paragraph("Replacing the drive gear, step by step", HEADING)
    for number, step in enumerate(STEPS, 1):
        yield Paragraph(step, STEP, bulletText=f"{number}.")
    yield Spacer(1, 4 * mm)
    yield KeepTogether([
        Paragraph("Do not glue", HEADING),
        Paragraph("A glued tooth holds for a few pages, then falls into the fuser. Collect every broken piece: a tooth that "
                  "stays inside will break the next gear. Count them, and look at the flank of the neighbours: a white line "
                  "at the root is a crack.", BODY)])
    yield Paragraph("How much force is normal", HEADING)
    yield Paragraph("The torque that turns the unloaded drive is 0.04 to 0.07 N m: two fingers at the rim of the gear are "
                    "enough. If you need a whole hand, the shaft is bent or dry.", BODY)
    yield PageBreak()
    yield Paragraph("When something is still wrong", HEADING)
    yield table([("What you notice", "What it is", "What to do"), *FAULTS], (52, 58, 50))
    yield Spacer(1, 6 * mm)
    yield Paragraph("Record of the repair", HEADING)
    yield Paragraph("Keep this page with the printer. Whoever opens it next will be glad to know.", BODY)
    record = Table([["Date", "Pages printed", "Part replaced", "Name"]] + [[""] * 4] * 9, colWidths=[40 * mm] * 4, rowHeights=9 * mm)
    record.setStyle(TableStyle([
        ("GRID", (0, 0), (-1, -1), 0.4, colors.HexColor("#b8c6cc")), ("BACKGROUND", (0, 0), (-1, 0), PALE),
        ("FONT", (0, 0), (-1, 0), "Helvetica-Bold", 9), ("TEXTCOLOR", (0, 0), (-1, -1), INK),
    ]))
    yield record


def make(path):
    """Writes the manual; the same octets each time."""
    document = BaseDocTemplate(str(path), pagesize=A4, invariant=1, title=TITLE, author="attachlink demo", pageCompression=1)
    lower = Frame(25 * mm, 22 * mm, 160 * mm, 170 * mm, leftPadding=0, rightPadding=0)
    full = Frame(25 * mm, 22 * mm, 160 * mm, 250 * mm, leftPadding=0, rightPadding=0)
    document.addPageTemplates([PageTemplate("cover", [lower], onPage=cover), PageTemplate("inner", [full], onPage=foot)])
    document.build(list(story()))
