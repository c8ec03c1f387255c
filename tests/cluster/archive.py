"""Makes an archive of small pictures with all that makes machines disagree: names that collide, broken files, odd names."""
import os
import random
import struct
import zlib


def png(width, height, pixels):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + pixels[y * width * 3:(y + 1) * width * 3] for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")


def picture(rng):
    width, height = rng.randrange(24, 48), rng.randrange(24, 40)
    ground, slope = rng.randbytes(3), rng.randrange(1, 5)
    values = bytearray()
    for y in range(height):
        for x in range(width):
            values += bytes((c + slope * (x ^ y)) & 255 for c in ground)
    return width, height, bytes(values)


def make(folder, count, seed=0):
    """`count` pictures below `folder`. One of 50 is broken; one of 100 has the name of another but for its ending."""
    rng = random.Random(seed)
    for n in range(count):
        width, height, pixels = picture(rng)
        name = f"{n % 7}/{n % 11}/{n:05}".encode()
        if n % 50 == 7:
            name, data = name + b".png", png(width, height, pixels)[:rng.randrange(20, 200)]
        elif n % 100 == 3:
            # `write: {format: png}` wants one name for both.
            write(folder, name + b".png", png(width, height, pixels[::-1]))
            name, data = name + b".ppm", b"P6 %d %d 255\n" % (width, height) + pixels
        elif n % 100 == 5:
            name, data = name + b" \xff\xc3\xa9'.png", png(width, height, pixels)
        else:
            name, data = name + b".png", png(width, height, pixels)
        write(folder, name, data)


def change(folder, seed=1):
    """What happens to an archive between two nights: pictures vanish, change, are mended and are new."""
    rng = random.Random(seed)
    files = sorted(os.path.join(base, name) for base, _, names in os.walk(os.fsencode(folder)) for name in names)
    # Among them one whose name another one wants.
    known = set(files)
    rivals = [path for path in files if path.endswith(b".png") and path[:-4] + b".ppm" in known]
    for path in {*rng.sample(files, len(files) // 50), rivals[0]}:
        os.remove(path)
    files = [path for path in files if os.path.exists(path)]
    for path in rng.sample(files, len(files) // 20):
        if path.endswith(b".png"):
            with open(path, "wb") as file:
                file.write(png(*picture(rng)))
    for n in range(len(files) // 25):
        write(folder, b"new/%d/%05d.png" % (n % 5, n), png(*picture(rng)))


def write(folder, name, data):
    path = os.path.join(os.fsencode(folder), name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
