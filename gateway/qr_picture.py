"""Draws a QR code: for the gateway's pages, and for the face device, which is no part of them."""

import io

import qrcode
import qrcode.image.svg


def qr_svg(text: str) -> str:
    """Draw a QR code as one SVG path, scalable, with its quiet zone (ISO/IEC 18004)."""
    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, border=4)
    code.add_data(text)
    buffer = io.BytesIO()
    code.make_image(image_factory=qrcode.image.svg.SvgPathImage).save(buffer)
    svg = buffer.getvalue().decode().replace(' id="qr-path"', "")  # a page may hold several
    return svg[svg.index("<svg") :]
