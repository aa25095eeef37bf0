//! Amounts such as `500m` and `1Gi`, in the canonical form in which the server gives them back.
//!
//! Source: k8s.io/apimachinery `pkg/api/resource`.

const BINARY: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];

/// The canonical form; `None` for what is no amount.
pub(crate) fn canonical(text: &str) -> Option<String> {
    let end = text.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '+' | '-')).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (sign, digits) = match number.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && part.is_empty() || !whole.chars().chain(part.chars()).all(|c| c.is_ascii_digit()) {
        return None;
    }
    if let Some(power) = BINARY.iter().position(|b| *b == suffix) {
        return binary(sign, whole, part, power);
    }
    let exponent = match DECIMAL.iter().find(|(s, _)| *s == suffix) {
        Some((_, exponent)) => *exponent,
        None => suffix.strip_prefix(['e', 'E'])?.parse().ok()?,
    };
    let mut mantissa: i128 = format!("{whole}{part}").parse().ok()?;
    let mut exponent = exponent - i32::try_from(part.len()).ok()?;
    if mantissa == 0 {
        return Some("0".to_owned());
    }
    while mantissa % 10 == 0 {
        mantissa /= 10;
        exponent += 1;
    }
    // Finer than a nano is rounded up.
    while exponent < -9 {
        mantissa = mantissa / 10 + i128::from(mantissa % 10 != 0);
        exponent += 1;
    }
    while exponent.rem_euclid(3) != 0 {
        mantissa *= 10;
        exponent -= 1;
    }
    while exponent > 18 {
        mantissa *= 1000;
        exponent -= 3;
    }
    let (suffix, _) = DECIMAL.iter().find(|(_, e)| *e == exponent)?;
    Some(format!("{sign}{mantissa}{suffix}"))
}

/// Powers of 1024; a fraction moves into the next smaller unit.
fn binary(sign: &str, whole: &str, part: &str, power: usize) -> Option<String> {
    let scale: i128 = 10_i128.checked_pow(u32::try_from(part.len()).ok()?)?;
    let mut bytes: i128 = format!("{whole}{part}").parse().ok()?;
    for _ in 0..=power {
        bytes = bytes.checked_mul(1024)?;
    }
    let bytes = bytes / scale + i128::from(bytes % scale != 0);
    if bytes == 0 {
        return Some("0".to_owned());
    }
    let (mut value, mut unit) = (bytes, 0);
    while value % 1024 == 0 && unit < BINARY.len() {
        value /= 1024;
        unit += 1;
    }
    let suffix = if unit == 0 { "" } else { BINARY[unit - 1] };
    Some(format!("{sign}{value}{suffix}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_brought_into_one_form() {
        for (text, form) in [
            ("1Gi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("1000m", "1"),
            ("0.5", "500m"),
            ("1024Mi", "1Gi"),
            ("2000", "2k"),
            ("0", "0"),
            ("100M", "100M"),
            ("1e3", "1k"),
            ("1536", "1536"),
            ("250m", "250m"),
        ] {
            assert_eq!(canonical(text).as_deref(), Some(form), "{text}");
        }
        assert_eq!(canonical("1Qi"), None);
        assert_eq!(canonical("many"), None);
    }
}
