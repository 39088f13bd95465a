import { describe, expect, it } from "vitest";
import { rulerOrigin, typedOrigin } from "../../src/calibrate/scale";
import sections from "../../src/i18n/sentences.json";
import { persian } from "../../src/i18n/sentences";

const plain = (text: string) => persian(text)?.replace(/[\u2066-\u2069\u200e\u200f]/g, "");

describe("what the server says, in Persian", () => {
  it("knows words and whole sentences", () => {
    expect(plain("class II tendency")).toBe("گرایش به کلاس II");
    expect(plain("no SD published")).toBe("انحراف معیار منتشر نشده است");
    expect(persian("nobody has said this")).toBeNull();
  });

  it("fills in figures with Persian digits and units, known words in Persian, other names as they are", () => {
    expect(plain("123.4° is outside the range of human faces, -20 to 20°")).toBe("۱۲۳٫۴° بیرون از محدودهٔ صورت انسان است (−۲۰ تا ۲۰°)");
    expect(plain("12 mm is outside the range of human faces, 1 to 9 mm")).toBe("۱۲ میلی‌متر بیرون از محدودهٔ صورت انسان است (۱ تا ۹ میلی‌متر)");
    expect(plain("ISBI 2015: 0 to 4 is class I")).toBe("ISBI ۲۰۱۵: ۰ تا ۴ یعنی کلاس I");
    expect(plain("the sample of the norm was aged 12 to 17 years; the patient is 30.5")).toBe("سن نمونهٔ نُرم ۱۲ تا ۱۷ سال بود؛ بیمار ۳۰٫۵ ساله است");
    expect(plain("S and N coincide")).toBe("S و N بر هم منطبق‌اند");
  });

  it("takes sentences in a row, lists, and files with what is wrong with them apart", () => {
    expect(plain("measured to the incisor tip; the original measures to the labial surface")).toBe(
      "تا نوک ثنایا اندازه‌گیری شده است؛ روش اصلی تا سطح لبیال دندان اندازه می‌گیرد",
    );
    expect(plain("n 20, 12 to 17 years, both sexes")).toBe("۲۰ نفر، ۱۲ تا ۱۷ سال، هر دو جنس");
    expect(plain("/films/old one.png: cannot be read: No such file or directory; check the file")).toBe(
      "/films/old one.png: خوانده نمی‌شود: چنین فایل یا پوشه‌ای نیست؛ فایل را بررسی کنید",
    );
  });

  it("takes a sentence for the one that says most of it", () => {
    expect(plain("a PDF file, not a PNG, JPEG, BMP, TIFF or WebP film; save the film smaller, or remove it")).toBe(
      "فایل PDF است، سفالوگرام PNG، JPEG، BMP، TIFF یا WebP نیست؛ سفالوگرام را کوچک‌تر ذخیره کنید یا بردارید",
    );
  });

  it("knows where a pixel size comes from", () => {
    expect(plain(typedOrigin(1))).toBe("واردشده توسط بازبین");
    expect(plain(rulerOrigin(50, 431.27))).toBe("خط‌کش: ۵۰ میلی‌متر در ۴۳۱٫۳ پیکسل");
    expect(plain("DICOM ImagerPixelSpacing / 1.1 (EstimatedRadiographicMagnificationFactor)")).toBe(
      "ImagerPixelSpacing در DICOM، تقسیم بر ۱٫۱ (EstimatedRadiographicMagnificationFactor)",
    );
  });

  it("keeps what other programs say within a sentence of its own", () => {
    expect(plain("the edit is not saved: its journal cannot be written (odd trouble); free disk space or check the folder, and repeat the edit")).toBe(
      "ویرایش ذخیره نشد: تاریخچه نوشته نمی‌شود (odd trouble)؛ فضای دیسک را خالی یا پوشه را بررسی کنید و ویرایش را تکرار کنید",
    );
  });

  it("isolates symbols and names in Latin letters", () => {
    expect(persian("class II")).toBe("کلاس \u2068II\u2069");
    expect(persian("Li to Sn-Pog`")).toBe("\u2068Li\u2069 تا خط \u2068Sn-Pog`\u2069");
  });

  const all = Object.values(sections).flatMap((section) => Object.entries(section));

  it.each(all)("fills the same fields in both languages: %s", (english, told) => {
    const fields = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
    expect(fields(told)).toEqual(fields(english));
  });

  it("writes no figure in Latin digits", () => {
    const names = /\u2068[^\u2069]*\u2069|\{\w+\}|JPEG 2000|[A-Za-z][\w-]*/g;
    expect(all.map(([, told]) => told.replace(names, "")).filter((told) => /\d/.test(told))).toEqual([]);
  });
});
