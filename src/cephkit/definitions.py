"""What the landmarks are called and where they lie, in English and in Persian, as textbooks of cephalometry have it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Definition:
    """Where a landmark lies."""

    english: str
    title_persian: str
    persian: str


DEFINITIONS: dict[str, Definition] = {
    "A": Definition(
        "The deepest point of the concave front of the upper jaw, between the anterior nasal spine and the bone "
        "edge above the incisors (subspinale).",
        "نقطهٔ A",
        "عمیق‌ترین نقطهٔ تقعر قدامی ماگزیلا، بین خار بینی قدامی و لبهٔ استخوان آلوئول بالای دندان‌های ثنایا (ساب‌اسپاینال).",
    ),
    "ANS": Definition(
        "The tip of the bony spine at the front of the hard palate, below the nasal opening.",
        "خار بینی قدامی",
        "نوک خار استخوانی در جلوی کام سخت، زیر دهانهٔ حفرهٔ بینی.",
    ),
    "B": Definition(
        "The deepest point of the concave front of the lower jaw, between the bone edge below the incisors and the "
        "chin (supramentale).",
        "نقطهٔ B",
        "عمیق‌ترین نقطهٔ تقعر قدامی مندیبل، بین لبهٔ استخوان آلوئول زیر دندان‌های ثنایا و چانه (سوپرامنتال).",
    ),
    "Me": Definition(
        "The lowest point of the outline of the symphysis of the lower jaw.",
        "منتون",
        "پایین‌ترین نقطهٔ حدود خارجی سمفیز مندیبل.",
    ),
    "N": Definition(
        "The front end of the suture between the frontal and the nasal bones, in the midline.",
        "نازیون",
        "قدامی‌ترین نقطهٔ درز بین استخوان پیشانی و استخوان‌های بینی (سوچور فرونتونازال) در خط وسط.",
    ),
    "Or": Definition(
        "The lowest point of the lower rim of the orbit. Both rims show; take the middle of the two.",
        "اوربیتال",
        "پایین‌ترین نقطهٔ لبهٔ تحتانی کاسهٔ چشم (اربیت). لبهٔ هر دو سمت دیده می‌شود؛ نقطهٔ وسط آن دو را بگیرید.",
    ),
    "Pog": Definition(
        "The most anterior point of the bony chin.",
        "پوگونیون",
        "قدامی‌ترین نقطهٔ چانهٔ استخوانی.",
    ),
    "PNS": Definition(
        "The tip of the spine at the back end of the hard palate. Where unerupted molars hide it, it lies where "
        "the floor of the nose meets the front wall of the pterygopalatine fossa, continued downward.",
        "خار بینی خلفی",
        "نوک خار استخوانی در انتهای خلفی کام سخت. اگر مولرهای نهفته آن را بپوشانند، محل برخورد کف بینی با امتداد رو به "
        "پایین دیوارهٔ قدامی حفرهٔ پتریگوپالاتین است.",
    ),
    "R": Definition(
        "A point on the back edge of the ramus of the lower jaw, about half-way between articulare and gonion. The "
        "data set gives no definition; this is where its annotators put it.",
        "راموس",
        "نقطه‌ای روی لبهٔ خلفی راموس مندیبل، تقریباً در میانهٔ آرتیکولار و گونیون. مجموعهٔ داده تعریفی برای آن نداده است؛ "
        "نشانه‌گذاران آن را در همین محل گذاشته‌اند.",
    ),
    "S": Definition(
        "The centre of the sella turcica, the hollow of the pituitary gland: the middle of its outline, not a point "
        "on it.",
        "سلا",
        "مرکز زین ترکی (سلاتورسیکا)، گودی غدهٔ هیپوفیز: وسط حدود آن، نه نقطه‌ای روی لبهٔ آن.",
    ),
    "Ar": Definition(
        "Where the back edge of the neck of the condyle crosses the lower outline of the base of the skull: a "
        "crossing of two shadows, not a place on a bone.",
        "آرتیکولار",
        "محل تقاطع لبهٔ خلفی گردن کندیل با حد تحتانی قاعدهٔ جمجمه: محل برخورد دو سایه است، نه نقطه‌ای روی استخوان.",
    ),
    "Co": Definition(
        "The highest point at the back of the head of the condyle. Take the middle of the two sides.",
        "کندیلیون",
        "خلفی‌ترین و بالاترین نقطهٔ سر کندیل. نقطهٔ وسط دو سمت را بگیرید.",
    ),
    "Gn": Definition(
        "The most anterior and lowest point of the chin, on its outline half-way between pogonion and menton.",
        "گناتیون",
        "قدامی‌ترین و پایین‌ترین نقطهٔ چانهٔ استخوانی، روی حدود آن و در میانهٔ پوگونیون و منتون.",
    ),
    "Go": Definition(
        "The point of the angle of the lower jaw that lies furthest back and down: where the outline is met by the "
        "line that halves the angle between the tangents to the ramus and to the lower edge of the jaw.",
        "گونیون",
        "خلفی‌ترین و پایین‌ترین نقطهٔ زاویهٔ مندیبل: محلی که نیمساز زاویهٔ بین مماس بر لبهٔ خلفی راموس و مماس بر لبهٔ تحتانی "
        "مندیبل، حدود استخوان را قطع می‌کند.",
    ),
    "Po": Definition(
        "The highest point of the bony ear canal (anatomic porion). An ear rod of the head holder often covers it, "
        "as here; where the canal cannot be made out, the top of the rod stands in for it (machine porion).",
        "پوریون",
        "بالاترین نقطهٔ مجرای گوش خارجی استخوانی (پوریون آناتومیک). میلهٔ گوشی سفالوستات اغلب آن را می‌پوشاند، مانند این "
        "تصویر؛ اگر مجرا قابل تشخیص نباشد، بالاترین نقطهٔ میله جای آن را می‌گیرد (پوریون دستگاه).",
    ),
    "LPM": Definition(
        "The tip of the buccal cusp of the lower second premolar.",
        "نوک کاسپ پرمولر دوم پایین",
        "نوک کاسپ باکال پرمولر دوم پایین.",
    ),
    "LIT": Definition(
        "The incisal edge of the most forward lower central incisor.",
        "لبهٔ ثنایای پایین",
        "لبهٔ انسیزال قدامی‌ترین ثنایای میانی پایین.",
    ),
    "LMT": Definition(
        "The tip of the front buccal cusp of the lower first molar.",
        "نوک کاسپ مولر پایین",
        "نوک کاسپ مزیوباکال مولر اول پایین.",
    ),
    "UPM": Definition(
        "The tip of the buccal cusp of the upper second premolar.",
        "نوک کاسپ پرمولر دوم بالا",
        "نوک کاسپ باکال پرمولر دوم بالا.",
    ),
    "UIA": Definition(
        "The tip of the root of the upper central incisor whose edge is UIT.",
        "نوک ریشهٔ ثنایای بالا",
        "نوک ریشهٔ (آپکس) همان ثنایای میانی بالا که لبهٔ آن UIT است.",
    ),
    "UIT": Definition(
        "The incisal edge of the most forward upper central incisor.",
        "لبهٔ ثنایای بالا",
        "لبهٔ انسیزال قدامی‌ترین ثنایای میانی بالا.",
    ),
    "UMT": Definition(
        "The tip of the front buccal cusp of the upper first molar.",
        "نوک کاسپ مولر بالا",
        "نوک کاسپ مزیوباکال مولر اول بالا.",
    ),
    "LIA": Definition(
        "The tip of the root of the lower central incisor whose edge is LIT.",
        "نوک ریشهٔ ثنایای پایین",
        "نوک ریشهٔ (آپکس) همان ثنایای میانی پایین که لبهٔ آن LIT است.",
    ),
    "Pn": Definition(
        "The most anterior point of the tip of the nose.",
        "پرونازال",
        "قدامی‌ترین نقطهٔ نوک بینی.",
    ),
    "Li": Definition(
        "The most anterior point of the red of the lower lip.",
        "لابراله اینفریوس (لب پایین)",
        "قدامی‌ترین نقطهٔ ورمیلیون لب پایین.",
    ),
    "Ls": Definition(
        "The most anterior point of the red of the upper lip.",
        "لابراله سوپریوس (لب بالا)",
        "قدامی‌ترین نقطهٔ ورمیلیون لب بالا.",
    ),
    "N`": Definition(
        "The deepest point of the concave outline of the skin between forehead and nose, level with nasion or a "
        "little below it.",
        "نازیون بافت نرم",
        "عمیق‌ترین نقطهٔ تقعر پوست بین پیشانی و بینی، هم‌سطح نازیون یا کمی پایین‌تر از آن.",
    ),
    "Pog`": Definition(
        "The most anterior point of the skin of the chin.",
        "پوگونیون بافت نرم",
        "قدامی‌ترین نقطهٔ بافت نرم چانه.",
    ),
    "Sn": Definition(
        "Where the base of the nose, the columella, turns into the upper lip, in the midline.",
        "ساب‌نازال",
        "محلی که قاعدهٔ بینی (کولوملا) در خط وسط به لب بالا می‌پیوندد.",
    ),
}
