// A reader of QR codes: the browser's own where it has one, else the vendored zxing.
/** Return an object with detect(source); `vendor` is the folder of the third-party files. */
export const makeDetector = async (vendor) => {
  const formats = await globalThis.BarcodeDetector?.getSupportedFormats?.().catch(() => []) ?? [];
  if (formats.includes("qr_code")) return new globalThis.BarcodeDetector({ formats: ["qr_code"] });
  const zxing = await import(`${vendor}/barcode-detector/ponyfill.js`);
  // Without this the package would fetch its .wasm from a public network.
  await zxing.prepareZXingModule({
    overrides: { locateFile: (name) => `${vendor}/zxing-wasm/${name}` },
    fireImmediately: true,
  });
  return new zxing.BarcodeDetector({ formats: ["qr_code"] });
};
