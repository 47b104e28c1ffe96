"""Minutes ahead of UTC by country, of countries that have one time (IANA's zone.tab, January and July 2026).

Standard time, also in summer: where clocks are put forward, a local time is an hour early for half of the year.
"""

from __future__ import annotations

COUNTRIES = {
    -660: "AS NU",
    -600: "CK",
    -480: "PN",
    -360: "BZ CR GT HN NI SV",
    -300: "BS CO CU HT JM KY PA PE TC",
    -240: "AG AI AW BB BL BM BO BQ CW DM DO GD GP GY KN LC MF MQ MS PR SX TT VC VE VG VI",
    -180: "AR FK GF PM PY SR UY",
    -120: "GS",
    -60: "CV",
    0: "BF CI FO GB GG GH GM GN GW IE IM IS JE LR ML MR SH SL SN ST TG",
    60: (
        "AD AL AO AT BA BE BJ CF CG CH CM CZ DE DK DZ EH FR GA GI GQ HR HU IT LI LU MA MC ME MK MT NE NG NL "
        "NO PL RS SE SI SJ SK SM TD TN VA"
    ),
    120: "AX BG BI BW CY EE EG FI GR IL LB LS LT LV LY MD MW MZ NA PS RO RW SD SS SZ ZA ZM ZW",
    180: "BH BY DJ ER ET IQ JO KE KM KW MG QA SA SO SY TR TZ UG YE YT",
    210: "IR",
    240: "AE AM AZ GE MU OM RE SC",
    270: "AF",
    300: "KZ MV PK TF TJ TM UZ",
    330: "IN LK",
    345: "NP",
    360: "BD BT IO KG",
    390: "CC MM",
    420: "CX KH LA TH VN",
    480: "BN HK MO MY PH SG TW",
    540: "JP KP KR PW TL",
    600: "GU MP",
    660: "NC NF SB VU",
    720: "FJ MH NR TV WF",
    780: "TK TO WS",
}
ONE_ZONE = tuple((country, minutes) for minutes, countries in COUNTRIES.items() for country in countries.split())
