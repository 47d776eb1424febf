"""The photograph: a printer's drive gear with broken teeth on a desk, path-traced, then treated as a camera would."""

import tempfile
from pathlib import Path

import mitsuba as mi
import numpy as np
from PIL import Image, ImageFilter

from . import meshes, textures

mi.set_variant("scalar_rgb")
from mitsuba import ScalarTransform4f as At  # noqa: E402  (exists only once the variant is chosen)

WIDTH, HEIGHT = 1600, 1200
GRAIN = 0.011  # standard deviation of the film's grain at middle grey
GLOW = 14  # pixels that the lens scatters bright light over


def mesh(name, shape, bsdf, folder):
    """A mesh as Mitsuba loads it."""
    points, faces = shape
    made = mi.Mesh(name, len(points), len(faces))
    params = mi.traverse(made)
    params["vertex_positions"] = np.ascontiguousarray(points, np.float32).ravel()
    params["faces"] = np.ascontiguousarray(faces, np.uint32).ravel()
    params.update()
    path = str(Path(folder) / f"{name}.ply")
    made.write_ply(path)
    return {"type": "ply", "filename": path, "face_normals": True, "bsdf": {"type": "twosided", "bsdf": bsdf}}


def picture(array):
    """A texture from an array of linear reflectances, its first row at the far edge."""
    return {"type": "bitmap", "bitmap": mi.Bitmap(np.ascontiguousarray(array[::-1], np.float32)), "raw": True}


def plastic(rgb, alpha=0.15):
    """Moulded plastic or glaze of a linear colour; `alpha` is its roughness."""
    colour = {"type": "rgb", "value": rgb}
    return {"type": "roughplastic", "distribution": "ggx", "alpha": alpha, "diffuse_reflectance": colour, "nonlinear": True}


def steel(alpha=0.2, reflectance=None):
    """Brushed steel."""
    node = {"type": "roughconductor", "material": "Cr", "alpha": alpha, "distribution": "ggx"}
    return node | ({"specular_reflectance": reflectance} if reflectance else {})


def sheet(width, depth, centre, turn, bsdf, height):
    """A flat thing that lies on the desk."""
    place = At().translate([*centre, height]).rotate([0, 0, 1], turn).scale([width / 2, depth / 2, 1])
    return {"type": "rectangle", "to_world": place, "bsdf": {"type": "twosided", "bsdf": bsdf}}


def light(width, height, position, target, rgb):
    """A bright rectangle that looks at a point."""
    place = At().look_at(origin=position, target=target, up=[0, 0.1, 1]).scale([width / 2, height / 2, 1])
    return {"type": "rectangle", "to_world": place, "emitter": {"type": "area", "radiance": {"type": "rgb", "value": rgb}}}


def small_parts(rng, folder):
    """The gear, its broken teeth, two screws and the screwdriver."""
    nylon, rim = plastic([0.74, 0.70, 0.60], 0.24), meshes.moved
    yield "gear", mesh("gear", rim(meshes.gear(rng, missing=(19, 20)), turn_z=8, to=(0, 0, 0.002)), nylon, folder)
    yield "tooth1", mesh("tooth1", rim(meshes.shard(rng), turn_z=64, tilt_x=90, to=(1.3, -4.15, 0.2)), nylon, folder)
    yield "tooth2", mesh("tooth2", rim(meshes.shard(rng, 0.5, 0.36), turn_z=-28, tilt_x=90, to=(2.75, -3.3, 0.18)), nylon, folder)
    pinion = meshes.gear(rng, teeth=14, root=0.92, tip=1.26, thick=1.3, bore=0.3)
    yield "pinion", mesh("pinion", rim((pinion[0] * [1, 1, 1], pinion[1]), turn_z=20, to=(-4.9, 2.2, 0)), plastic([0.02, 0.022, 0.025], 0.2), folder)
    thread = [(0.15 + 0.03 * np.cos(step * 1.6), 0.01 * step) for step in range(80)]
    head = [(0.0, 1.12), (0.05, 1.12), (0.07, 1.2)] + [(0.3 * np.cos(a), 0.96 + 0.26 * np.sin(a)) for a in np.linspace(1.2, 0, 14)] + [(0.3, 0.82), (0.15, 0.8)]
    screw = meshes.turned([(0.001, -0.25), *thread, *reversed(head)], 360)
    for number, (turn, x, y) in enumerate([(20, 4.1, -1.5), (-48, 4.9, 0.7)]):
        yield f"screw{number}", mesh(f"screw{number}", rim(screw, lie=True, turn_z=turn, to=(x, y, 0.22)), steel(0.22), folder)
    grip = meshes.rounded([(0.001, 0), (0.8, 0), (1.05, 1.2), (0.95, 5.0), (1.15, 8.2), (0.7, 9.0), (0.55, 9.4), (0.001, 9.4)], 0.5)
    blade = meshes.rounded([(0.3, 9.4), (0.3, 17.5), (0.18, 18.6), (0.06, 18.9), (0.001, 18.9)], 0.1)
    for name, profile, bsdf in (("grip", grip, plastic([0.55, 0.055, 0.02], 0.12)), ("blade", blade, steel(0.12))):
        shape = rim(meshes.turned(profile, 720), lie=True, turn_z=158, to=(15.5, 2.2, 1.1))
        yield name, mesh(name, shape, bsdf, folder)


def background(folder):
    """What stands behind, out of focus: a mug, the printer's case."""
    glaze = plastic([0.02, 0.085, 0.16], 0.06)
    outside = [(0.001, 0.25), (2.9, 0.25), (3.6, 0.8), (3.9, 3), (4.0, 9.2), (3.82, 9.4), (3.65, 9.2), (3.55, 3), (3.2, 1.0), (0.001, 0.8)]
    yield "mug", mesh("mug", meshes.moved(meshes.turned(meshes.rounded(outside, 0.5)), to=(-9.5, 17, 0)), glaze, folder)
    bow = [(3.8 + 2.6 * np.sin(t), 0, 5.0 - 2.9 * np.cos(t)) for t in np.linspace(0.05, np.pi - 0.05, 200)]
    yield "handle", mesh("handle", meshes.moved(meshes.tube(bow, 0.5), turn_z=-24, to=(-9.5, 17, 0)), glaze, folder)
    coffee = {"type": "disk", "to_world": At().translate([-9.5, 17, 7.6]).scale(3.6), "bsdf": plastic([0.018, 0.008, 0.004], 0.03)}
    yield "coffee", coffee
    for name, low, high, bsdf in (
        ("case", (4, 24, 0), (44, 54, 17), plastic([0.50, 0.50, 0.48], 0.35)),
        ("panel", (4, 23.6, 4.5), (44, 24.1, 8.5), plastic([0.015, 0.015, 0.017], 0.12)),
        ("tray", (10, 16, 0.4), (38, 25, 1.6), plastic([0.025, 0.025, 0.028], 0.25)),
    ):
        low, high = np.array(low, float), np.array(high, float)
        place = At().translate(list((low + high) / 2)).scale(list((high - low) / 2))
        yield name, {"type": "cube", "to_world": place, "bsdf": bsdf}
    yield "led", {"type": "sphere", "center": [9, 23.5, 6.6], "radius": 0.28, "emitter": {"type": "area", "radiance": {"type": "rgb", "value": [9, 3.2, 0.15]}}}


def scene(rng, folder, samples):
    """The whole scene; the camera is a thin lens focused on the broken teeth."""
    eye, aim = [3.6, -20.5, 11.6], [0.35, 1.0, 0.9]
    focus = float(np.linalg.norm(np.array(eye) - np.array([0.6, -2.4, 0.7])))
    wall = {"type": "diffuse", "reflectance": {"type": "rgb", "value": [0.62, 0.60, 0.56]}}
    desk = {"type": "roughplastic", "alpha": 0.22, "nonlinear": True, "diffuse_reflectance": picture(textures.wood(rng))}
    page = {"type": "diffuse", "reflectance": picture(textures.letter(rng) * 0.85)}
    return {
        "type": "scene",
        "integrator": {"type": "path", "max_depth": 9},
        "sensor": {
            "type": "thinlens", "fov": 33, "aperture_radius": 0.42, "focus_distance": focus,
            "to_world": At().look_at(origin=eye, target=aim, up=[0.03, 0, 1]),
            "film": {"type": "hdrfilm", "width": WIDTH, "height": HEIGHT, "rfilter": {"type": "box"}, "pixel_format": "rgb"},
            "sampler": {"type": "multijitter", "sample_count": samples, "seed": 7},
        },
        "desk": sheet(110, 80, (0, 14), 0, desk, 0),
        "wall": {"type": "rectangle", "to_world": At().translate([0, 75, 30]).rotate([1, 0, 0], 90).scale(120), "bsdf": {"type": "twosided", "bsdf": wall}},
        "page": sheet(21, 29.7, (-9.5, 3.5), 17, page, 0.03),
        "page2": sheet(21, 29.7, (-9.9, 3.2), 13, page, 0.015),
        "ruler": sheet(20, 2.4, (2.2, -5.9), -4, steel(0.16, picture(textures.ruler(rng))), 0.08),
        "window": light(60, 70, [-70, 10, 60], [0, 0, 0], [7.2, 8.4, 10.0]),
        "lamp": light(14, 14, [26, 12, 38], [1, 0, 0], [62, 43, 25]),
        "room": {"type": "constant", "radiance": {"type": "rgb", "value": [0.20, 0.19, 0.18]}},
    } | dict(small_parts(rng, folder)) | dict(background(folder))


def as_a_camera_would(rng, light_seen, exposure):
    """Linear light to a picture: glow, lens falloff, a film's curve, sharpening, grain."""
    height, width, _ = light_seen.shape
    bright = np.clip(light_seen * exposure, 0, 6)
    across, down = np.fft.rfftfreq(width), np.fft.fftfreq(height)
    blur = np.exp(-2 * (np.pi * GLOW) ** 2 * (across[None, :] ** 2 + down[:, None] ** 2))
    glow = [np.fft.irfft2(np.fft.rfft2(bright[..., c]) * blur, s=(height, width)) for c in range(3)]
    bright = 0.965 * bright + 0.035 * np.stack(glow, 2)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    bright *= (1 - 0.20 * (x * x + y * y) / 2)[..., None] ** 2
    curve = bright * (2.51 * bright + 0.03) / (bright * (2.43 * bright + 0.59) + 0.14)  # ACES, as fitted by K. Narkowicz
    shown = np.clip(curve, 0, 1) ** (1 / 2.2)
    luminance = rng.normal(size=(height, width, 1))
    colour = rng.normal(size=(height, width, 3))
    grain = 0.8 * luminance + 0.35 * colour
    grain = (grain + np.roll(grain, 1, 0) + np.roll(grain, 1, 1)) / 1.6
    shown = shown + GRAIN * grain * (0.5 + 1.2 * np.sqrt(np.clip(shown * (1 - shown), 0, 1)))
    finished = Image.fromarray((np.clip(shown, 0, 1) * 255 + 0.5).astype(np.uint8))
    return finished.filter(ImageFilter.UnsharpMask(1.2, 55, 2))


def make(path, samples):
    """Renders the scene and saves the photograph."""
    rng = np.random.default_rng(20261121)
    with tempfile.TemporaryDirectory() as folder:
        rendered = mi.render(mi.load_dict(scene(rng, folder, samples)), seed=7)
    photo = as_a_camera_would(rng, np.asarray(rendered, float), exposure=0.57)
    photo.save(path, "JPEG", quality=88, subsampling=2, optimize=True)
