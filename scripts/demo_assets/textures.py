"""Surfaces for the photograph: pictures made from noise, as arrays of 0 to 1."""

import textwrap

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont


def smooth_noise(rng, height, width, cells_y, cells_x):
    """Noise of the given number of cells, interpolated smoothly; 0 to 1."""
    coarse = Image.fromarray((rng.random((cells_y, cells_x)) * 255).astype(np.uint8))
    return np.asarray(coarse.resize((width, height), Image.BICUBIC), float) / 255


def wood(rng, height=2400, width=3200, boards=5):
    """Oiled oak: boards with long fibres, growth rings and pores."""
    y, x = np.mgrid[0:height, 0:width]
    out = np.zeros((height, width, 3))
    edge = np.linspace(0, height, boards + 1).astype(int)
    for top, bottom in zip(edge, edge[1:]):
        size = (bottom - top, width)
        bend = smooth_noise(rng, *size, 4, 7) * 240 + smooth_noise(rng, *size, 9, 26) * 30
        centre = rng.uniform(-0.4, 1.4) * (bottom - top)
        rings = np.sin((np.abs(y[top:bottom] - top - centre) + bend) * 0.085) * 0.5 + 0.5
        fibre = smooth_noise(rng, *size, bottom - top, 40) * 0.6 + smooth_noise(rng, *size, (bottom - top) // 2, 160) * 0.4
        pores = (smooth_noise(rng, *size, (bottom - top) // 2, 220) > 0.90) * (0.35 + 0.65 * rings)
        shade = rng.uniform(0.90, 1.06) * (0.80 + 0.16 * rings**2 + 0.20 * (fibre - 0.5)) - 0.20 * pores
        warm = np.array([0.50, 0.300, 0.155]) * rng.uniform(0.96, 1.04, 3)
        out[top:bottom] = np.clip(shade, 0.2, 1.2)[..., None] ** np.array([1.0, 1.25, 1.5]) * warm
        out[bottom - 3 : bottom] *= 0.25
    return np.clip(out, 0.01, 1)


def ruler(rng, length_mm=200, width_mm=24, pixels_per_mm=14):
    """A steel ruler: graduations and figures, brushed along its length. Returns the reflectance."""
    width, height = length_mm * pixels_per_mm, width_mm * pixels_per_mm
    picture = Image.new("L", (width, height), 255)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=5 * pixels_per_mm)
    for mm in range(2, length_mm - 1):
        tall = 8.5 if mm % 10 == 0 else 6.0 if mm % 5 == 0 else 4.0
        x = mm * pixels_per_mm
        draw.rectangle([x - 1.4, 0, x + 1.4, tall * pixels_per_mm], fill=18)
        if mm % 10 == 0:
            draw.text((x + 5, 8.4 * pixels_per_mm), str(mm // 10), fill=18, font=font)
    marks = np.asarray(picture.filter(ImageFilter.GaussianBlur(1.0)), float) / 255
    brushed = 0.82 + 0.16 * smooth_noise(rng, height, width, height, 30)
    return np.repeat((marks * brushed)[..., None], 3, 2)


LETTER = """Before you open the cover, switch the printer off at the wall and wait until the rollers stand still. The fuser stays hot for twenty minutes.
Take out the paper tray and the toner. Two screws hold the left side panel; keep them, the new part comes without any.
Turn the drive gear by hand. It should run without a click through a full turn. A click means a broken tooth: look at the teeth next to the pinion first.
Do not glue a broken tooth. Write down the number that is moulded into the web of the gear and send a photograph of the part, beside a ruler, with your request.
Your help desk answers with the number of the spare part and the date on which it will be delivered to your floor."""


def letter(rng, height=3564, width=2520):
    """A printed page of instructions: a heading, paragraphs, on paper that is not quite even."""
    picture = Image.new("L", (width, height), 238)
    draw = ImageDraw.Draw(picture)
    body, heading = ImageFont.load_default(size=62), ImageFont.load_default(size=120)
    draw.text((260, 260), "Replacing the drive gear", fill=45, font=heading)
    y = 520
    for number, paragraph in enumerate((LETTER + "\n" + LETTER).split("\n"), 1):
        lines = textwrap.wrap(f"{number}.  {paragraph}", 66)
        for line in lines:
            draw.text((260, y), line, fill=58, font=body)
            y += 88
        y += 50
    uneven = 0.97 + 0.05 * smooth_noise(rng, height, width, 60, 42)
    return np.repeat((np.asarray(picture, float) / 255 * uneven)[..., None], 3, 2)
