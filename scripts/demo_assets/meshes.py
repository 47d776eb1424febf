"""Shapes for the photograph, in centimetres: arrays of points and triangles, made from formulas."""

import numpy as np

TAU = 2 * np.pi
AROUND = 1440  # samples of a full turn: facets stay smaller than a pixel


def quads_between_rings(rings, around, closed=True):
    """Triangles that join each ring of points to the next one."""
    faces = []
    steps = around if closed else around - 1
    for ring in range(rings - 1):
        a = ring * around + np.arange(steps)
        b = ring * around + (np.arange(steps) + 1) % around
        c, d = a + around, b + around
        faces += [np.stack([a, b, d], 1), np.stack([a, d, c], 1)]
    return np.concatenate(faces)


def turned(profile, around=AROUND):
    """A body turned on a lathe: `profile` is a list of (radius, height)."""
    angle = np.arange(around) / around * TAU
    points = [np.stack([r * np.cos(angle), r * np.sin(angle), np.full(around, z)], 1) for r, z in profile]
    return np.concatenate(points), quads_between_rings(len(profile), around)


def rounded(points, radius, steps=8):
    """A profile with its inner corners rounded by circles of about `radius`."""
    points = np.asarray(points, float)
    out = [points[0]]
    for before, corner, after in zip(points, points[1:], points[2:]):
        to_before, to_after = before - corner, after - corner
        reach = min(radius, np.linalg.norm(to_before) / 2.01, np.linalg.norm(to_after) / 2.01)
        start = corner + to_before / np.linalg.norm(to_before) * reach
        end = corner + to_after / np.linalg.norm(to_after) * reach
        for t in np.linspace(0, 1, steps):
            out.append((1 - t) ** 2 * start + 2 * t * (1 - t) * corner + t**2 * end)
    out.append(points[-1])
    return [tuple(p) for p in out]


def tooth_outline(angle, teeth, root, tip):
    """The radius of a gear's outline at each angle: flanks that lean, tips and roots a little rounded."""
    phase = (angle * teeth / TAU) % 1.0
    flank = np.clip((0.5 - np.abs(phase - 0.5) - 0.14) / 0.17, 0, 1)
    return root + (tip - root) * (flank * flank * (3 - 2 * flank)) ** 0.8


def gear(rng, teeth=26, root=2.42, tip=2.92, thick=0.85, bore=0.42, missing=()):
    """A moulded spur gear with a hub, a recessed web, and `missing` teeth broken off at a rough surface."""
    angle = np.arange(AROUND) / AROUND * TAU
    sound = tooth_outline(angle, teeth, root, tip)
    bevel = 0.05
    rims = [(-2 * bevel, 0.0), (-0.6 * bevel, 0.35 * bevel), (0.0, bevel)]
    rims += [(0.0, z) for z in np.linspace(bevel, thick - bevel, 18)[1:-1]]
    rims += [(0.0, thick - bevel), (-0.6 * bevel, thick - 0.35 * bevel), (-2 * bevel, thick)]
    rings = []
    for inset, z in rims:
        r = sound.copy()
        for tooth in missing:
            gone = (np.floor(angle * teeth / TAU) % teeth) == tooth
            rough = np.convolve(rng.normal(size=AROUND), np.hanning(9) / 4, "same")
            slope = 0.10 * np.sin(3 * z / thick + tooth) + 0.16 * (z / thick - 0.4)
            r = np.where(gone, np.minimum(r, root + 0.07 + slope + 0.035 * rough), r)
        rings.append((r + inset, np.full(AROUND, z)))
    web, hub = thick - 0.28, thick + 0.45
    inner = rounded(
        [(root - 0.28, thick), (root - 0.32, web), (1.05, web), (1.0, hub), (bore + 0.04, hub), (bore, hub - 0.05), (bore, 0)],
        0.07,
    )
    rings += [(np.full(AROUND, r), np.full(AROUND, z)) for r, z in inner]
    points = np.concatenate([np.stack([r * np.cos(angle), r * np.sin(angle), z], 1) for r, z in rings])
    return points, quads_between_rings(len(rings), AROUND)


def shard(rng, length=0.62, width=0.40, thick=0.85):
    """A tooth that broke off: a tapering prism with a rough end."""
    around, layers = 240, 24
    t = np.arange(around) / around * TAU
    across = np.sign(np.cos(t)) * np.abs(np.cos(t)) ** 0.45
    along = np.sign(np.sin(t)) * np.abs(np.sin(t)) ** 0.45
    taper = 1 - 0.30 * (along + 1) / 2
    points = []
    for layer in range(layers):
        z = layer / (layers - 1)
        shrink = 1 - 0.10 * np.clip(np.abs(z - 0.5) * 2 - 0.85, 0, 1) / 0.15
        rough = np.where(along < -0.7, 0.05 * rng.normal(size=around) + 0.08 * np.sin(5 * z + 3 * across), 0)
        points.append(np.stack([across * taper * width / 2 * shrink, along * length / 2 * shrink + rough, np.full(around, z * thick)], 1))
    for z, ring in ((0.0, points[0]), (thick, points[-1])):
        centre = np.repeat(ring.mean(0, keepdims=True), around, 0)
        centre[:, 2] = z
        points = [centre, *points] if z == 0.0 else [*points, centre]
    return np.concatenate(points), quads_between_rings(len(points), around)


def tube(path, radius, around=96):
    """A round bar along `path`, an array of points in the x-z plane."""
    path = np.asarray(path, float)
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    side = np.array([0.0, 1.0, 0.0])
    up = np.cross(along, side)
    angle = np.arange(around) / around * TAU
    points = [p + radius * (np.cos(angle)[:, None] * side * 1.35 + np.sin(angle)[:, None] * u) for p, u in zip(path, up)]
    return np.concatenate(points), quads_between_rings(len(path), around)


def moved(mesh, turn_z=0.0, tilt_x=0.0, lie=False, to=(0, 0, 0)):
    """The mesh tilted, laid on its side (its axis along x), turned about the vertical and moved; angles in degrees."""
    points, faces = mesh
    if lie:
        points = points[:, [2, 0, 1]]
    a, b = np.radians(tilt_x), np.radians(turn_z)
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    return points @ about_x.T @ about_z.T + np.asarray(to, float), faces
