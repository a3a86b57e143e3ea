//! The fonts carried in the crate. Nothing is ever read from the system, so a document
//! looks the same, byte for byte, on every machine.

use std::sync::LazyLock;

use typst::foundations::Bytes;
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;

/// Every embedded font, with the index that the typesetter searches.
pub(crate) struct Fonts {
    pub(crate) book: LazyHash<FontBook>,
    pub(crate) fonts: Vec<Font>,
}

impl Fonts {
    /// Whether some font can draw this character.
    pub(crate) fn can_draw(&self, character: char) -> bool {
        self.fonts
            .iter()
            .any(|font| font.info().coverage.contains(u32::from(character)))
    }
}

pub(crate) static FONTS: LazyLock<Fonts> = LazyLock::new(|| {
    let fonts: Vec<Font> = FILES
        .iter()
        .flat_map(|file| Font::iter(Bytes::new(*file)))
        .collect();
    Fonts {
        book: LazyHash::new(FontBook::from_fonts(&fonts)),
        fonts,
    }
});

/// The body fonts come first, then one family a script.
const FILES: &[&[u8]] = &[
    include_bytes!("../fonts/NotoSans-Regular.ttf"),
    include_bytes!("../fonts/NotoSans-SemiBold.ttf"),
    include_bytes!("../fonts/NotoSans-Italic.ttf"),
    include_bytes!("../fonts/NotoSerif-Regular.ttf"),
    include_bytes!("../fonts/NotoSerif-Italic.ttf"),
    include_bytes!("../fonts/NotoSansArabic-Regular.ttf"),
    include_bytes!("../fonts/NotoSansHebrew-Regular.ttf"),
    include_bytes!("../fonts/NotoSansArmenian-Regular.ttf"),
    include_bytes!("../fonts/NotoSansGeorgian-Regular.ttf"),
    include_bytes!("../fonts/NotoSansDevanagari-Regular.ttf"),
    include_bytes!("../fonts/NotoSansBengali-Regular.ttf"),
    include_bytes!("../fonts/NotoSansTamil-Regular.ttf"),
    include_bytes!("../fonts/NotoSansTelugu-Regular.ttf"),
    include_bytes!("../fonts/NotoSansGujarati-Regular.ttf"),
    include_bytes!("../fonts/NotoSansGurmukhi-Regular.ttf"),
    include_bytes!("../fonts/NotoSansSinhala-Regular.ttf"),
    include_bytes!("../fonts/NotoSansThai-Regular.ttf"),
    include_bytes!("../fonts/NotoSansLao-Regular.ttf"),
    include_bytes!("../fonts/NotoSansKhmer-Regular.ttf"),
    include_bytes!("../fonts/NotoSansMyanmar-Regular.ttf"),
    include_bytes!("../fonts/NotoSansEthiopic-Regular.ttf"),
    include_bytes!("../fonts/NotoSansMath-Regular.ttf"),
    include_bytes!("../fonts/NotoSansSymbols-Regular.ttf"),
    include_bytes!("../fonts/NotoSansSymbols2-Regular.ttf"),
    include_bytes!("../fonts/NotoEmoji-Pictographs.ttf"),
    include_bytes!("../fonts/NotoEmoji-Faces.ttf"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_font_file_is_read_and_every_family_of_the_templates_exists() {
        assert_eq!(FONTS.fonts.len(), FILES.len());
        for family in ["noto sans", "noto serif"] {
            assert!(FONTS.book.contains_family(family), "{family}");
        }
    }

    #[test]
    fn names_of_many_scripts_can_be_drawn() {
        for name in [
            "Œuvrard",
            "Nguyễn Thị Hồng",
            "Łukasz",
            "Đặng",
            "Щербаков",
            "Παπαδόπουλος",
            "محمد",
            "יעקב",
            "გიორგი",
            "Հակոբ",
            "अनिल",
            "தமிழ்",
            "ስም",
            "😡",
            "🔪",
        ] {
            for character in name.chars() {
                assert!(FONTS.can_draw(character), "{character} of {name}");
            }
        }
    }
}
