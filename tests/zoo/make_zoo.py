#!/usr/bin/env python3
"""Writes the zoo of documents, good and bad, into a folder.

usage: make_zoo.py FOLDER

Every file is made here, of people who do not exist, and small; the bombs are not, once unpacked.
"""

import hashlib
import io
import pathlib
import struct
import sys
import zipfile
import zlib

LINES = ["Mira Quillfeather", "Pump engineer, Port Ostra", "mira@quillfeather.example"]
WORDS = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


# PDF


def pdf(objects, encrypt=None, root=1):
    """A PDF of these objects (bytes, numbered from 1)."""
    out = io.BytesIO()
    out.write(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, content in enumerate(objects, 1):
        offsets.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, content))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    for offset in offsets:
        out.write(b"%010d 00000 n \n" % offset)
    trailer = b"/Size %d /Root %d 0 R" % (len(objects) + 1, root)
    if encrypt:
        trailer += encrypt
    out.write(b"trailer\n<< %s >>\nstartxref\n%d\n%%%%EOF\n" % (trailer, start))
    return out.getvalue()


def stream(content, extra=b""):
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(content), extra, content)


def page_text(lines):
    text = b"BT /F1 12 Tf 72 720 Td 14 TL\n"
    for line in lines:
        text += b"(%s) Tj T*\n" % line.encode("latin-1").replace(b"(", b"\\(")
    return text + b"ET"


FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
CATALOG = b"<< /Type /Catalog /Pages 2 0 R >>"


def page(contents, parent=2, font=4):
    return (
        b"<< /Type /Page /Parent %d 0 R /MediaBox [0 0 612 792] /Contents %d 0 R"
        b" /Resources << /Font << /F1 %d 0 R >> >> >>" % (parent, contents, font)
    )


def simple_pdf(lines=LINES):
    return pdf(
        [
            CATALOG,
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            page(5),
            FONT,
            stream(page_text(lines)),
        ]
    )


def rc4(key, data):
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out = bytearray()
    i = j = 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


PADDING = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")


def encrypted_pdf():
    """RC4 of 40 bits (PDF 1.4, 3.5): what matters is that the password is not known."""
    file_id = b"0123456789abcdef"
    user = (b"secret" + PADDING)[:32]
    owner_key = hashlib.md5((b"owner" + PADDING)[:32]).digest()[:5]
    owner = rc4(owner_key, user)
    permissions = struct.pack("<i", -4)
    key = hashlib.md5(user + owner + permissions + file_id).digest()[:5]
    check = rc4(key, PADDING)
    object_key = hashlib.md5(key + struct.pack("<I", 5)[:3] + b"\0\0").digest()[:10]
    content = rc4(object_key, page_text(LINES))
    encrypt = b"<< /Filter /Standard /V 1 /R 2 /O <%s> /U <%s> /P -4 >>" % (
        owner.hex().encode(),
        check.hex().encode(),
    )
    objects = [
        CATALOG,
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        page(5),
        FONT,
        stream(content),
        encrypt,
    ]
    file_ids = b" /Encrypt 6 0 R /ID [<%s> <%s>]" % ((file_id.hex().encode(),) * 2)
    return pdf(objects, file_ids)


def page_loop_pdf():
    return pdf(
        [
            CATALOG,
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Pages /Parent 2 0 R /Kids [2 0 R 3 0 R] /Count 1 >>",
        ]
    )


def nested_pdf(depth):
    """Its pages within arrays within arrays."""
    return pdf(
        [
            CATALOG,
            b"<< /Type /Pages /Kids %s3 0 R%s /Count 1 >>" % (b"[" * depth, b"]" * depth),
            page(5),
            FONT,
            stream(page_text(LINES)),
        ]
    )


def bomb_pdf():
    """Two rounds of deflate: 400 MB of operators in some kilobytes."""
    text = b"BT /F1 12 Tf (" + b"A" * 1_000_000 + b") Tj ET\n"
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(text) for _ in range(400)) + packer.flush()
    packed = zlib.compress(packed, 9)
    return pdf(
        [
            CATALOG,
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            page(5),
            FONT,
            stream(packed, b"/Filter [/FlateDecode /FlateDecode]"),
        ]
    )


def many_pages_pdf():
    return pdf(
        [CATALOG, b"<< /Type /Pages /Kids [3 0 R] /Count 2000000000 >>", page(5), FONT,
         stream(page_text(LINES))]
    )


def image_pdf():
    image = stream(
        b"\x00" * 64, b"/Type /XObject /Subtype /Image /Width 8 /Height 8 /BitsPerComponent 8"
        b" /ColorSpace /DeviceGray"
    )
    return pdf(
        [CATALOG, b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
         b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R"
         b" /Resources << /XObject << /I 4 0 R >> >> >>",
         image, stream(b"/I Do")]
    )


# DOCX


def paragraph(text, style=""):
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f'<w:p>{properties}<w:r><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'


def body(content):
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<w:document xmlns:w="{WORDS}"><w:body>{content}</w:body></w:document>'
    )


CONTENT_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument'
    '.wordprocessingml.document.main+xml"/></Types>'
)


def docx(document, parts=None):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", CONTENT_TYPES)
        archive.writestr("word/document.xml", document)
        for name, content in (parts or {}).items():
            archive.writestr(name, content)
    return out.getvalue()


def simple_docx():
    table = (
        "<w:tbl><w:tr><w:tc>" + paragraph("2019") + "</w:tc><w:tc>" + paragraph("Ostra Pumps")
        + "</w:tc></w:tr></w:tbl>"
    )
    item = (
        "<w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>Valves</w:t></w:r>"
        "<w:r><w:tab/><w:t>five years</w:t></w:r></w:p>"
    )
    twice = (
        '<w:p><mc:AlternateContent xmlns:mc="urn:mc"><mc:Choice><w:r><w:t>once</w:t></w:r></mc:Choice>'
        "<mc:Fallback><w:r><w:t>once</w:t></w:r></mc:Fallback></mc:AlternateContent></w:p>"
    )
    document = body("".join(paragraph(line) for line in LINES) + paragraph("Work", "Heading1")
                    + table + item + twice)
    header = f'<w:hdr xmlns:w="{WORDS}">' + paragraph("+00 555 0100") + "</w:hdr>"
    return docx(document, {"word/header1.xml": header})


def laughing_docx():
    entities = '<!ENTITY a0 "ha">' + "".join(
        f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12)
    )
    text = body(paragraph("&a11;"))
    return docx(text.replace("<w:document", f"<!DOCTYPE d [{entities}]><w:document", 1))


def external_docx():
    text = body(paragraph("&x;"))
    entity = '<!ENTITY x SYSTEM "file:///etc/passwd">'
    return docx(text.replace("<w:document", f"<!DOCTYPE d [{entity}]><w:document", 1))


def bomb_docx():
    """100 MB of spaces between two paragraphs."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("[Content_Types].xml", CONTENT_TYPES)
        with archive.open("word/document.xml", "w") as part:
            start, end = body(paragraph("start") + "|" + paragraph("end")).split("|")
            part.write(start.encode())
            for _ in range(100):
                part.write(b" " * 1_000_000)
            part.write(end.encode())
    return out.getvalue()


def nested_bomb_docx():
    """Archives within an archive; nobody should look into them."""
    inner = bomb_docx()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(16):
            archive.writestr(f"{i}.zip", inner)
    middle = out.getvalue()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(16):
            archive.writestr(f"{i}.zip", middle)
    return out.getvalue()


def overlapping_docx():
    """The kind that quotes: each part's data holds the heads of those behind it as stored blocks,
    and all share one kernel."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    unpacked = b"".join(b"a" * 1_000_000 for _ in range(40))
    kernel = packer.compress(unpacked) + packer.flush()
    names = [b"[Content_Types].xml", b"word/document.xml"]
    names += [b"word/header%d.xml" % i for i in range(1, 40)]

    def local_head(name, crc, packed, size):
        return struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0, 8, 0, 0x21, crc, packed, size,
                           len(name), 0) + name

    # From the last part backwards: the first is what everything before it quotes.
    parts = [(local_head(names[-1], zlib.crc32(unpacked), len(kernel), len(unpacked)), kernel,
              unpacked, names[-1])]
    for name in reversed(names[:-1]):
        head, data, content, _ = parts[0]
        quoted = struct.pack("<BHH", 0, len(head), len(head) ^ 0xFFFF) + head
        content = head + content
        packed = len(quoted) + len(data)
        parts.insert(0, (local_head(name, zlib.crc32(content), packed, len(content)),
                         quoted + data, content, name))
    out = bytearray()
    central = bytearray()
    offset = 0
    for index, (head, data, content, name) in enumerate(parts):
        crc = zlib.crc32(content)
        central += struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 20, 20, 0, 8, 0, 0x21, crc,
                               len(data), len(content), len(name), 0, 0, 0, 0, 0, offset) + name
        if index == len(parts) - 1:
            out += head + data
        else:
            quote = data[:5]
            out += head + quote
            offset += len(head) + len(quote)
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, len(parts), len(parts), len(central), len(out),
                      0)
    return bytes(out + central + end)


def locked_docx():
    """An archive whose parts say that they are encrypted."""
    data = bytearray(simple_docx())
    at = data.find(b"PK\x03\x04")
    while at >= 0:
        data[at + 6] |= 1
        at = data.find(b"PK\x03\x04", at + 4)
    at = data.find(b"PK\x01\x02")
    while at >= 0:
        data[at + 8] |= 1
        at = data.find(b"PK\x01\x02", at + 4)
    return bytes(data)


def ole(stream_name):
    """The head of an old Office file with one stream's name in its directory."""
    head = bytes.fromhex("D0CF11E0A1B11AE1") + bytes(504)
    name = stream_name.encode("utf-16-le")
    return head + name + bytes(1_024 - len(name))


def nested_xml_docx(depth):
    return docx(body("<w:sdt>" * depth + paragraph("deep") + "</w:sdt>" * depth))


# The zoo


def noise(size):
    out = bytearray()
    state = 1
    for _ in range(size):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        out.append(state >> 56)
    return bytes(out)


HTML = """<!DOCTYPE html><html><head><title>CV</title><style>p{color:red}</style></head><body>
<h1>Mira  Quillfeather</h1><p>Pump engineer,<br>Port Ostra</p><script>alert(1)</script>
<ul><li>Valves<li>Seals</ul><table><tr><td>2019<td>Ostra&nbsp;Pumps &amp; Sons</table>
</body></html>"""


def zoo():
    text = "\n".join(LINES) + "\n"
    return {
        "good.pdf": simple_pdf(),
        "good.docx": simple_docx(),
        "good.html": HTML.encode(),
        "good.txt": text.encode(),
        "western.txt": "Zoë Café, plain words around it".encode("cp1252"),
        "wide.txt": text.encode("utf-16"),
        "pdf-called-docx.docx": simple_pdf(),
        "docx-called-pdf.pdf": simple_docx(),
        "truncated.pdf": simple_pdf(LINES * 40)[:-400],
        "truncated.docx": simple_docx()[:-60],
        "half.docx": simple_docx()[: len(simple_docx()) // 2],
        "encrypted.pdf": encrypted_pdf(),
        "encrypted.docx": ole("EncryptedPackage"),
        "locked.docx": locked_docx(),
        "old.doc": ole("WordDocument"),
        "bomb.docx": bomb_docx(),
        "nested-bomb.docx": nested_bomb_docx(),
        "overlapping-bomb.docx": overlapping_docx(),
        "bomb.pdf": bomb_pdf(),
        "nested.pdf": nested_pdf(20_000),
        "nested.docx": nested_xml_docx(5_000),
        "nested.html": b"<html><body>" + b"<div>" * 200_000 + b"deep",
        "page-loop.pdf": page_loop_pdf(),
        "many-pages.pdf": many_pages_pdf(),
        "image.pdf": image_pdf(),
        "laughs.docx": laughing_docx(),
        "external.docx": external_docx(),
        "broken-xml.docx": docx(body(paragraph("a"))[:-20]),
        "image.docx": b"\x89PNG\r\n\x1a\n" + noise(2_000),
        "program.pdf": b"MZ\x90\x00" + noise(2_000),
        "noise.txt": noise(100_000),
        "noise.pdf": b"%PDF-1.7\n" + noise(100_000) + b"\n%%EOF\n",
        "sheet.xlsx": docx(body(""), {"xl/workbook.xml": "<x/>"}).replace(
            b"word/document.xml", b"word/xocument.xml"),
        "empty.pdf": b"",
        "blank.txt": b" \n\t\n \n",
    }


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in zoo().items():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
