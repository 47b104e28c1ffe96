"""The functions of Athena engine version 3, by Trino's chapters: a call of anything else is FUNCTION_NOT_FOUND there.

DuckDB has hundreds of others; one that slips in would be found missing on AWS only.
"""

from __future__ import annotations

_CHAPTERS = {
    "aggregate": """
        any_value approx_distinct approx_most_frequent approx_percentile approx_set arbitrary array_agg avg
        bitwise_and_agg bitwise_or_agg bitwise_xor_agg bool_and bool_or checksum corr count count_if
        covar_pop covar_samp every evaluate_classifier_predictions geometric_mean grouping histogram
        kurtosis learn_classifier learn_regressor listagg map_agg map_union max max_by merge min min_by
        multimap_agg numeric_histogram qdigest_agg reduce_agg regr_intercept regr_slope skewness stddev
        stddev_pop stddev_samp sum tdigest_agg var_pop var_samp variance
    """,
    "window": """
        cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number
    """,
    "array": """
        all_match any_match array_distinct array_except array_first array_histogram array_intersect
        array_join array_last array_max array_min array_position array_remove array_sort array_sum
        array_union arrays_overlap cardinality combinations concat contains contains_sequence
        cosine_similarity element_at euclidean_distance filter flatten ngrams none_match reduce repeat
        reverse sequence shuffle slice transform trim_array unnest zip zip_with
    """,
    "map": """
        map map_concat map_entries map_filter map_from_entries map_keys map_values map_zip_with
        multimap_from_entries split_to_map split_to_multimap transform_keys transform_values
    """,
    "string": """
        char2hexint chr codepoint concat_ws format format_number from_utf8 hamming_distance length
        levenshtein_distance lower lpad ltrim luhn_check normalize position replace rpad rtrim soundex split
        split_part starts_with strpos substr substring to_utf8 translate trim upper word_stem
    """,
    "binary": """
        crc32 from_base32 from_base64 from_base64url from_big_endian_32 from_big_endian_64 from_hex
        from_ieee754_32 from_ieee754_64 hmac_md5 hmac_sha1 hmac_sha256 hmac_sha512 md5 murmur3 sha1 sha256
        sha512 spooky_hash_v2_32 spooky_hash_v2_64 to_base32 to_base64 to_base64url to_big_endian_32
        to_big_endian_64 to_hex to_ieee754_32 to_ieee754_64 xxhash64
    """,
    "regular expression": """
        regexp_count regexp_extract regexp_extract_all regexp_like regexp_position regexp_replace
        regexp_split
    """,
    "json": """
        is_json_scalar json_array json_array_contains json_array_get json_array_length json_exists
        json_extract json_extract_scalar json_format json_object json_parse json_query json_size json_value
    """,
    "mathematical": """
        abs acos asin atan atan2 beta_cdf cbrt ceil ceiling cos cosh degrees e exp floor from_base infinity
        inverse_beta_cdf inverse_normal_cdf is_finite is_infinite is_nan ln log log10 log2 mod nan
        normal_cdf pi pow power radians rand random round sign sin sinh sqrt t_cdf t_pdf tan tanh to_base
        truncate width_bucket wilson_interval_lower wilson_interval_upper
    """,
    "bitwise": """
        bit_count bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift
        bitwise_right_shift_arithmetic bitwise_xor
    """,
    "date and time": """
        at_timezone current_date current_time current_timestamp current_timezone date date_add date_diff
        date_format date_parse date_trunc day day_of_month day_of_week day_of_year dow doy extract
        format_datetime from_iso8601_date from_iso8601_timestamp from_iso8601_timestamp_nanos from_unixtime
        from_unixtime_nanos hour human_readable_seconds last_day_of_month localtime localtimestamp
        millisecond minute month now parse_datetime parse_duration quarter second timezone_hour
        timezone_minute to_date to_iso8601 to_milliseconds to_unixtime week week_of_year with_timezone year
        year_of_week yow
    """,
    "conditional and conversion": """
        cast coalesce greatest if least nullif parse_data_size parse_presto_data_size try try_cast typeof
        version
    """,
    "sketches": """
        cardinality empty_approx_set jaccard_index hash_counts make_set_digest intersection_cardinality
        merge_set_digest quantile_at_value value_at_quantile values_at_quantiles
    """,
    "url": """
        url_decode url_encode url_extract_fragment url_extract_host url_extract_parameter url_extract_path
        url_extract_port url_extract_protocol url_extract_query
    """,
    "system": """
        current_catalog current_schema current_user uuid
    """,
    "geospatial": """
        bing_tile bing_tile_at geometry_from_hadoop_shape great_circle_distance line_locate_point
        simplify_geometry st_area st_asbinary st_astext st_boundary st_buffer st_centroid st_contains
        st_convexhull st_crosses st_difference st_disjoint st_distance st_envelope st_equals
        st_geometryfromtext st_geometrytype st_intersection st_intersects st_isempty st_isvalid st_length
        st_linefromtext st_numpoints st_overlaps st_point st_polygon st_touches st_union st_within st_x
        st_xmax st_xmin st_y st_ymax st_ymin to_spherical_geography
    """,
}

TRINO = frozenset(name for chapter in _CHAPTERS.values() for name in chapter.split())

# Words that stand before a bracket and call nothing: keywords, and the types of a CAST.
_BEFORE_A_BRACKET = """
    all and any array as between bigint binary boolean by case char cross cube date decimal distinct
    double else end except exists filter from full group grouping having in inner integer intersect
    interval ipaddress is join json lateral left like limit map not nulls numeric offset on or order
    ordinality outer over partition real recursive right rollup row rows select sets smallint some table
    tablesample bernoulli system then time timestamp tinyint to union unnest using values varbinary
    varchar when where window with within zone explain analyze int materialized verbose type format
"""
WORDS = frozenset(_BEFORE_A_BRACKET.split())
