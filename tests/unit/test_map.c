/* tests/unit/test_map.c: the hash table, against a simple model under random changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"

static const uint64_t seed[2] = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};

static void empty_map_has_nothing(void **state)
{
    (void)state;
    struct map m;
    map_init(&m, false, seed);
    size_t at = 0;
    assert_null(map_get(&m, slice_of("x")));
    assert_null(map_remove(&m, slice_of("x")));
    assert_null(map_next(&m, &at));
    map_free(&m);
}

static void added_values_are_found_and_removed_once(void **state)
{
    (void)state;
    struct map m;
    int one = 1;
    int two = 2;
    map_init(&m, false, seed);
    assert_true(map_add(&m, slice_of("one"), &one));
    assert_true(map_add(&m, slice_of("two"), &two));
    assert_true(map_add(&m, slice_of(""), &m));
    assert_int_equal(m.count, 3);
    assert_ptr_equal(map_get(&m, slice_of("one")), &one);
    assert_ptr_equal(map_get(&m, slice_of("")), &m);
    assert_ptr_equal(map_remove(&m, slice_of("one")), &one);
    assert_null(map_remove(&m, slice_of("one")));
    assert_null(map_get(&m, slice_of("one")));
    assert_ptr_equal(map_get(&m, slice_of("two")), &two);
    assert_int_equal(m.count, 2);
    map_free(&m);
    assert_null(map_get(&m, slice_of("two")));
}

static void case_counts_unless_it_is_ignored(void **state)
{
    (void)state;
    struct map exact;
    struct map loose;
    int value = 0;
    map_init(&exact, false, seed);
    map_init(&loose, true, seed);
    assert_true(map_add(&exact, slice_of("DispPC.HIP"), &value));
    assert_true(map_add(&loose, slice_of("DispPC.HIP"), &value));
    assert_null(map_get(&exact, slice_of("disppc.hip")));
    assert_ptr_equal(map_get(&loose, slice_of("dISPpc.hip")), &value);
    assert_ptr_equal(map_remove(&loose, slice_of("DISPPC.HIP")), &value);
    map_free(&exact);
    map_free(&loose);
}

static void only_ascii_letters_have_a_case(void **state)
{
    (void)state;
    struct map m;
    int value = 0;
    map_init(&m, true, seed);
    assert_true(map_add(&m, slice_of("a[\xc3\x84"), &value));
    assert_null(map_get(&m, slice_of("A{\xc3\x84")));
    assert_null(map_get(&m, slice_of("A[\xc3\xa4")));
    assert_ptr_equal(map_get(&m, slice_of("A[\xc3\x84")), &value);
    map_free(&m);
}

static void keys_may_hold_zero_bytes(void **state)
{
    (void)state;
    struct map m;
    int one = 1;
    int two = 2;
    map_init(&m, false, seed);
    assert_true(map_add(&m, (struct slice){"a\0b", 3}, &one));
    assert_true(map_add(&m, (struct slice){"a\0c", 3}, &two));
    assert_ptr_equal(map_get(&m, (struct slice){"a\0b", 3}), &one);
    assert_ptr_equal(map_get(&m, (struct slice){"a\0c", 3}), &two);
    assert_null(map_get(&m, (struct slice){"a\0d", 3}));
    map_free(&m);
}

/* Vectors of the authors of SipHash for this key: messages of 0, 1, 2... bytes 00 01 02... */
static void hash_is_siphash_2_4(void **state)
{
    (void)state;
    static const uint64_t expected[] = {
        UINT64_C(0x726fdb47dd0e0e31), UINT64_C(0x74f839c593dc67fd), UINT64_C(0x0d6c8009d9a94f5a),
        UINT64_C(0x85676696d7fb7e2d), UINT64_C(0xcf2794e0277187b7), UINT64_C(0x18765564cd99a68d),
        UINT64_C(0xcbc9466e58fee3ce), UINT64_C(0xab0200f58b01d137), UINT64_C(0x93f5f5799a932462),
    };
    const char message[] = {0, 1, 2, 3, 4, 5, 6, 7};
    for (size_t size = 0; size <= sizeof message; size++) {
        struct map m;
        int value = 0;
        map_init(&m, false, seed);
        assert_true(map_add(&m, (struct slice){message, size}, &value));
        for (size_t i = 0; i < m.capacity; i++) {
            if (m.entries[i].value != NULL) {
                assert_true(m.entries[i].hash == expected[size]);
            }
        }
        map_free(&m);
    }
}

static void table_is_never_more_than_70_percent_full(void **state)
{
    (void)state;
    struct map m;
    static char keys[1000][8];
    map_init(&m, false, seed);
    for (size_t i = 0; i < 1000; i++) {
        snprintf(keys[i], sizeof keys[i], "k%zu", i);
        assert_true(map_add(&m, slice_of(keys[i]), keys[i]));
        assert_true(m.count * 100 <= m.capacity * 70);
    }
    assert_true(m.capacity <= 2048);
    map_free(&m);
}

/* ---- random changes against a model ---- */

#define MODEL_KEYS    3000u
#define MODEL_CHANGES 100000u

struct model_key {
    char text[16];
    bool present;
    bool seen;
};

static uint32_t next_random(uint32_t *generator)
{
    *generator ^= *generator << 13;
    *generator ^= *generator >> 17;
    *generator ^= *generator << 5;
    return *generator;
}

static void check_walk(const struct map *m, struct model_key *keys, size_t expected)
{
    size_t at = 0;
    size_t count = 0;
    for (size_t i = 0; i < MODEL_KEYS; i++) {
        keys[i].seen = false;
    }
    for (struct model_key *key = map_next(m, &at); key != NULL; key = map_next(m, &at)) {
        assert_true(key->present);
        assert_false(key->seen);
        key->seen = true;
        count++;
    }
    assert_int_equal(count, expected);
    assert_int_equal(m->count, expected);
}

static void change_one(struct map *m, struct model_key *key, size_t *present)
{
    struct slice text = slice_of(key->text);
    assert_ptr_equal(map_get(m, text), key->present ? key : NULL);
    if (key->present) {
        assert_ptr_equal(map_remove(m, text), key);
        (*present)--;
    } else {
        assert_true(map_add(m, text, key));
        (*present)++;
    }
    key->present = !key->present;
    assert_ptr_equal(map_get(m, text), key->present ? key : NULL);
}

static void random_changes_agree_with_a_model(void **state)
{
    (void)state;
    static struct model_key keys[MODEL_KEYS];
    uint32_t generator = 20220923;
    struct map m;
    size_t present = 0;
    map_init(&m, true, seed);
    for (size_t i = 0; i < MODEL_KEYS; i++) {
        snprintf(keys[i].text, sizeof keys[i].text, "Object_%zu", i);
    }
    for (size_t change = 0; change < MODEL_CHANGES; change++) {
        change_one(&m, &keys[next_random(&generator) % MODEL_KEYS], &present);
        if (change % 5000 == 0) {
            check_walk(&m, keys, present);
        }
    }
    check_walk(&m, keys, present);
    for (size_t i = 0; i < MODEL_KEYS; i++) {
        assert_ptr_equal(map_get(&m, slice_of(keys[i].text)), keys[i].present ? &keys[i] : NULL);
    }
    map_free(&m);
}

/* In a small full table every chain wraps around and every removal shifts others. */
static void removals_keep_all_chains_whole_at_every_place(void **state)
{
    (void)state;
    static struct model_key keys[11]; /* 70 % of 16 */
    for (uint64_t round = 0; round < 2000; round++) {
        const uint64_t round_seed[2] = {round, ~round};
        struct map m;
        map_init(&m, false, round_seed);
        for (size_t i = 0; i < 11; i++) {
            snprintf(keys[i].text, sizeof keys[i].text, "%zu", i);
            assert_true(map_add(&m, slice_of(keys[i].text), &keys[i]));
        }
        assert_int_equal(m.capacity, 16);
        size_t gone = (size_t)round % 11;
        for (size_t n = 0; n < 11; n++) {
            size_t i = (gone + n * 3) % 11;
            assert_ptr_equal(map_remove(&m, slice_of(keys[i].text)), &keys[i]);
            for (size_t later = n + 1; later < 11; later++) {
                size_t left = (gone + later * 3) % 11;
                assert_ptr_equal(map_get(&m, slice_of(keys[left].text)), &keys[left]);
            }
        }
        assert_int_equal(m.count, 0);
        map_free(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_map_has_nothing),
        cmocka_unit_test(added_values_are_found_and_removed_once),
        cmocka_unit_test(case_counts_unless_it_is_ignored),
        cmocka_unit_test(only_ascii_letters_have_a_case),
        cmocka_unit_test(keys_may_hold_zero_bytes),
        cmocka_unit_test(hash_is_siphash_2_4),
        cmocka_unit_test(table_is_never_more_than_70_percent_full),
        cmocka_unit_test(random_changes_agree_with_a_model),
        cmocka_unit_test(removals_keep_all_chains_whole_at_every_place),
    };
    return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
