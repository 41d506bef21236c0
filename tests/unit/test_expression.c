/* Expressions: what they give, what they refuse and where, and how validity passes through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "model/expression.h"

#define T0 INT64_C(1700000000000000000)

static struct error err;

/* The objects of the tests. */
static struct {
    const char *name;
    d2k_value value;
} objects[] = {
    {"B", {.type = D2K_TYPE_BOOLEAN, .content.boolean = true}},
    {"I", {.type = D2K_TYPE_INTEGER, .content.integer = 7}},
    {"R", {.type = D2K_TYPE_REAL, .content.real = 2.5}},
    {"A", {.type = D2K_TYPE_ABSOLUTE_TIME, .content.absolute_time_ns = T0}},
    {"D", {.type = D2K_TYPE_RELATIVE_TIME, .content.relative_time_ns = 1000}},
    {"T", {.type = D2K_TYPE_TEXT, .content.text = {"abc", 3}}},
    {"Bad", {.type = D2K_TYPE_INTEGER, .content.integer = 5}},      /* not valid */
    {"Bad.B", {.type = D2K_TYPE_BOOLEAN, .content.boolean = true}}, /* not valid */
    {"Weak", {.type = D2K_TYPE_INTEGER, .content.integer = 1}},
    {"Max", {.type = D2K_TYPE_INTEGER, .content.integer = INT64_MAX}},
    {"Min", {.type = D2K_TYPE_INTEGER, .content.integer = INT64_MIN}},
    {"Q", {.type = D2K_TYPE_QUATERNARY, .content.state = 1}},
    {"Huge", {.type = D2K_TYPE_REAL, .content.real = 1e308}},
};
#define OBJECTS (sizeof objects / sizeof *objects)

static int reset(void **state)
{
    (void)state;
    for (size_t i = 0; i < OBJECTS; i++) {
        bool is_bad = strncmp(objects[i].name, "Bad", 3) == 0;
        objects[i].value.status = is_bad ? D2K_STATUS_PROC_ALARM : D2K_STATUS_VALID;
        objects[i].value.time_ns = T0 + (int64_t)i;
        if (strcmp(objects[i].name, "Weak") == 0) {
            objects[i].value.status |= D2K_STATUS_WEAK;
        }
    }
    return 0;
}

static d2k_value *object_of(struct slice name)
{
    char text[D2K_OBJECT_NAME_MAX + 1];
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    for (size_t i = 0; i < OBJECTS; i++) {
        if (text_equal_ignoring_case(objects[i].name, text)) {
            return &objects[i].value;
        }
    }
    return NULL;
}

static d2k_type type_of(const void *context, struct slice name, struct slice *ret_columns)
{
    const d2k_value *value = object_of(name);
    (void)context;
    (void)ret_columns;
    return value != NULL ? value->type : D2K_TYPE_NONE;
}

static const d2k_value *value_of(const void *context, size_t index)
{
    return object_of(expression_input(context, index));
}

static struct expression *parsed(const char *source)
{
    struct expression *e = NULL;
    if (expression_parse(slice_of(source), &e, &err) != D2K_OK) {
        fail_msg("%s: %s", source, err.text);
    }
    return e;
}

static d2k_value evaluated(const char *source, d2k_type wanted)
{
    d2k_value value;
    struct expression *e = parsed(source);
    expression_evaluate(e, wanted, value_of, e, &value);
    assert_int_equal(value.type, wanted);
    if (wanted == D2K_TYPE_TEXT) {
        static char text[64]; /* a text of its own, since the expression ends */
        memcpy(text, value.content.text.data, value.content.text.size);
        value.content.text.data = text;
    }
    expression_free(e);
    return value;
}

static d2k_value valid(const char *source, d2k_type wanted)
{
    struct expression *e = parsed(source);
    if (expression_check(e, wanted, type_of, NULL, &err) != D2K_OK) {
        fail_msg("%s: %s", source, err.text);
    }
    expression_free(e);
    d2k_value value = evaluated(source, wanted);
    if ((value.status & D2K_STATUS_VALID) == 0) {
        fail_msg("%s: not valid", source);
    }
    return value;
}

static void gives_integer(const char *source, int64_t content)
{
    if (valid(source, D2K_TYPE_INTEGER).content.integer != content) {
        fail_msg("%s: not %lld", source, (long long)content);
    }
}

static void gives_real(const char *source, double content)
{
    double real = valid(source, D2K_TYPE_REAL).content.real;
    if (memcmp(&real, &content, sizeof real) != 0) {
        fail_msg("%s: %.17g, not %.17g", source, real, content);
    }
}

static void gives_boolean(const char *source, bool content)
{
    if (valid(source, D2K_TYPE_BOOLEAN).content.boolean != content) {
        fail_msg("%s", source);
    }
}

static void gives_nothing(const char *source, d2k_type wanted)
{
    if ((evaluated(source, wanted).status & D2K_STATUS_VALID) != 0) {
        fail_msg("%s: valid", source);
    }
}

static void is_refused(const char *source, d2k_result result, const char *sentence)
{
    struct expression *e = NULL;
    d2k_result got = expression_parse(slice_of(source), &e, &err);
    if (got != result || strcmp(err.text, sentence) != 0) {
        fail_msg("%s: %s", source, got == D2K_OK ? "accepted" : err.text);
    }
}

static void does_not_fit(const char *source, d2k_type wanted, const char *sentence)
{
    struct expression *e = parsed(source);
    d2k_result got = expression_check(e, wanted, type_of, NULL, &err);
    expression_free(e);
    if (got != D2K_TYPE || strcmp(err.text, sentence) != 0) {
        fail_msg("%s: %s", source, got == D2K_OK ? "accepted" : err.text);
    }
}

static void arithmetic_has_priorities(void **state)
{
    (void)state;
    gives_integer("1 + 2 * 3", 7);
    gives_integer("(1 + 2) * 3", 9);
    gives_integer("10 - 3 - 2", 5);
    gives_integer("-I + 1", -6);
    gives_integer("--I", 7);
    gives_integer("17 % 5", 2);
    gives_integer("-17 mod 5", -2);
    gives_real("I / 2", 3.5);
    gives_real("8 / 2 / 2", 2);
    gives_real("I", 7);
    gives_real("R * I", 17.5);
}

static void numbers_are_read(void **state)
{
    (void)state;
    gives_integer("9223372036854775807", INT64_MAX);
    gives_real("1.5e3", 1500);
    gives_real("1E-2", 0.01);
    gives_real("0.1", 0.1);
    is_refused("9223372036854775808", D2K_ARGUMENT,
               "expression, column 1: expected an Integer up to 9223372036854775807, found "
               "\"9223372036854775808\"");
    is_refused("1 + 1e999", D2K_ARGUMENT,
               "expression, column 5: expected a finite number, found \"1e999\"");
}

static void functions_are_called(void **state)
{
    (void)state;
    gives_integer("min(3, 1, 2)", 1);
    gives_integer("MAX(3, I)", 7);
    gives_real("max(R, 1)", 2.5);
    gives_integer("abs(-5)", 5);
    gives_real("abs(-R)", 2.5);
    gives_integer("round(2.5)", 3);
    gives_integer("round(-2.5)", -3);
    gives_integer("round(R * 3)", 8);
    gives_integer("Max - Max", 0);
    gives_integer("max (Max, 1)", INT64_MAX);
    gives_integer("[max] - [Max]", 0);
}

static void logic_and_comparison(void **state)
{
    (void)state;
    gives_boolean("I > 6 and R <= 2.5", true);
    gives_boolean("not I = 7", false);
    gives_boolean("not (false or B)", false);
    gives_boolean("true or false and false", true);
    gives_boolean("I <> 7.0", false);
    gives_boolean("T = \"abc\"", true);
    gives_boolean("T < \"abd\" and T > \"ab\" and T >= T", true);
    gives_boolean("\"say \"\"x\"\"\" = \"say \"\"x\"\"\"", true);
    gives_boolean("A > A", false);
    gives_boolean("B = true", true);
    gives_boolean("D <> D", false);
    gives_boolean("Q = Q and not Q <> Q", true);
    assert_int_equal(valid("if B then Q else Q", D2K_TYPE_QUATERNARY).content.state, 1);
}

static void a_state_is_compared_by_its_name(void **state)
{
    (void)state;
    gives_boolean("Q = \"Q_Off\"", true);
    gives_boolean("\"Q_On\" = Q or Q <> \"Q_Off\"", false);
    gives_boolean("Q = (if B then \"Q_Off\" else T)", true);
    gives_boolean("Q = T", false); /* "abc" is no state; it cannot be known before */
    does_not_fit(
        "B and Q = \"Q_off\"", D2K_TYPE_BOOLEAN,
        "expression, column 9: type Quaternary has no state \"Q_off\"; it has \"Q_Trans\", "
        "\"Q_Off\"...");
    does_not_fit("\"\" <> Q", D2K_TYPE_BOOLEAN,
                 "expression, column 4: type Quaternary has no state \"\"; it has \"Q_Trans\", "
                 "\"Q_Off\"...");
    does_not_fit("Q <> 1", D2K_TYPE_BOOLEAN,
                 "expression, column 3: <> expected two values of one type, or a state and its "
                 "name as a text, found Quaternary and Integer");
    does_not_fit("Q < \"Q_Off\"", D2K_TYPE_BOOLEAN,
                 "expression, column 3: < expected two values of one type that has an order, "
                 "found Quaternary and Text");
    struct expression *e = parsed("Missing = \"Run\"");
    assert_int_equal(expression_check(e, D2K_TYPE_BOOLEAN, type_of, NULL, &err), D2K_OK);
    expression_free(e);
}

static void times_are_calculated(void **state)
{
    (void)state;
    assert_int_equal(valid("A + D", D2K_TYPE_ABSOLUTE_TIME).content.absolute_time_ns, T0 + 1000);
    assert_int_equal(valid("A - (A - D)", D2K_TYPE_RELATIVE_TIME).content.relative_time_ns, 1000);
    assert_int_equal(valid("max(D, D + D)", D2K_TYPE_RELATIVE_TIME).content.relative_time_ns, 2000);
    gives_nothing("Min + 0 * I - 1", D2K_TYPE_INTEGER);
}

static void if_takes_one_branch(void **state)
{
    (void)state;
    gives_integer("if B then 1 else 2", 1);
    gives_integer("IF I < 3 THEN 1 ELSE IF I < 8 THEN 2 ELSE 3", 2);
    gives_integer("1 + (if not B then 10 else 20)", 21);
    d2k_value text = valid("if B then T else \"none\"", D2K_TYPE_TEXT);
    assert_int_equal(text.content.text.size, 3);
    assert_memory_equal(text.content.text.data, "abc", 3);
    gives_integer("if (if B then false else true) then 1 else if B then 5 else 6", 5);
}

static void invalid_inputs_make_invalid_results(void **state)
{
    (void)state;
    gives_nothing("Bad + 1", D2K_TYPE_INTEGER);
    assert_int_equal(evaluated("Bad + 1", D2K_TYPE_INTEGER).content.integer, 6);
    gives_nothing("0 * Bad", D2K_TYPE_INTEGER);
    gives_nothing("B or Bad.B", D2K_TYPE_BOOLEAN);
    gives_nothing("if Bad.B then 1 else 2", D2K_TYPE_INTEGER);
    assert_int_equal(evaluated("if Bad.B then 1 else 2", D2K_TYPE_INTEGER).content.integer, 1);
    gives_nothing("if Missing then 1 else 2", D2K_TYPE_INTEGER);
    assert_int_equal(evaluated("if Missing then 1 else 2", D2K_TYPE_INTEGER).content.integer, 0);
    gives_nothing("Missing", D2K_TYPE_TEXT);
    assert_int_equal(evaluated("Missing", D2K_TYPE_ABSOLUTE_TIME).content.absolute_time_ns,
                     D2K_TIME_MIN_NS);
}

static void a_branch_not_taken_does_not_matter(void **state)
{
    (void)state;
    gives_integer("if B then 1 else Bad", 1);
    gives_integer("if not B then Missing else I", 7);
    gives_integer("if B then 1 else 1 % 0", 1);
    assert_int_equal(valid("if B then I else Weak", D2K_TYPE_INTEGER).status, D2K_STATUS_VALID);
}

static void what_has_no_result_is_invalid(void **state)
{
    (void)state;
    gives_nothing("I / 0", D2K_TYPE_REAL);
    gives_nothing("I % 0", D2K_TYPE_INTEGER);
    gives_nothing("R % 0.0", D2K_TYPE_REAL);
    gives_nothing("0.0 / 0.0", D2K_TYPE_REAL);
    gives_nothing("Max + 1", D2K_TYPE_INTEGER);
    gives_nothing("[Min] - 1", D2K_TYPE_INTEGER);
    gives_nothing("Max * 2", D2K_TYPE_INTEGER);
    gives_nothing("-[Min]", D2K_TYPE_INTEGER);
    gives_nothing("abs([Min])", D2K_TYPE_INTEGER);
    gives_integer("[Min] % (-1)", 0);
    gives_nothing("Huge * 10", D2K_TYPE_REAL);
    gives_nothing("round(Huge)", D2K_TYPE_INTEGER);
    gives_nothing("A + (A - D)", D2K_TYPE_ABSOLUTE_TIME);
    gives_nothing("(I / 0) = (I / 0)", D2K_TYPE_BOOLEAN);
    gives_nothing("Missing and true", D2K_TYPE_BOOLEAN);
}

static void status_and_time_pass_on(void **state)
{
    (void)state;
    object_of(slice_of("R"))->status |= D2K_STATUS_MANUAL | D2K_STATUS_NO_ACK_VALUE;
    d2k_value value = valid("I + Weak + R", D2K_TYPE_REAL);
    assert_int_equal(value.status, D2K_STATUS_VALID | D2K_STATUS_WEAK | D2K_STATUS_MANUAL);
    assert_int_equal(value.time_ns, object_of(slice_of("Weak"))->time_ns);
    assert_int_equal(evaluated("Bad", D2K_TYPE_INTEGER).status, 0);
    assert_int_equal(valid("1", D2K_TYPE_INTEGER).time_ns, 0);
    assert_int_equal(valid("if B then I else R", D2K_TYPE_REAL).time_ns,
                     object_of(slice_of("I"))->time_ns);
}

static void inputs_are_named_once(void **state)
{
    (void)state;
    struct expression *e = parsed("Tank.L1 + tank.l1 * Pump_2.On. - \"Tank\" = 1");
    assert_int_equal(expression_input_count(e), 2);
    assert_true(slice_equal_text(expression_input(e, 0), "Tank.L1"));
    assert_true(slice_equal_text(expression_input(e, 1), "Pump_2.On."));
    expression_free(e);
}

static void what_is_wrong_has_a_column(void **state)
{
    (void)state;
    is_refused("", D2K_ARGUMENT, "expression, column 1: expected a value, but it ends here");
    is_refused("1 +", D2K_ARGUMENT, "expression, column 4: expected a value, but it ends here");
    is_refused("1 + * 2", D2K_ARGUMENT, "expression, column 5: expected a value, found \"*\"");
    is_refused("(1", D2K_ARGUMENT,
               "expression, column 3: expected an operator or a ), but it ends here");
    is_refused("1 2", D2K_ARGUMENT,
               "expression, column 3: expected an operator or the end, found \"2\"");
    is_refused("\"\xc5\xbe\xc4\xbe\" = ;", D2K_ARGUMENT,
               "expression, column 8: expected a value or an operator, found \";\"");
    is_refused("if B 1", D2K_ARGUMENT,
               "expression, column 6: expected an operator or then, found \"1\"");
    is_refused("if B then 1", D2K_ARGUMENT,
               "expression, column 12: expected an operator or else, but it ends here");
    is_refused("min(1)", D2K_ARGUMENT,
               "expression, column 6: expected a , and another value, found \")\"");
    is_refused("sqrt(2)", D2K_ARGUMENT,
               "expression, column 1: expected one of the functions min, max, abs and round, "
               "found \"sqrt\"");
    is_refused("\"abc", D2K_ARGUMENT,
               "expression, column 1: the text that begins here does not end: expected another "
               "\"");
    is_refused("[1a]", D2K_ARGUMENT,
               "expression, column 1: expected the name of an object between [ and ], found "
               "\"1a\"");
    is_refused("1 + else", D2K_ARGUMENT, "expression, column 5: expected a value, found \"else\"");
    is_refused("1 + \xc5\xbe", D2K_ARGUMENT,
               "expression, column 5: expected a value or an operator, found \"\xc5\xbe\"");
    is_refused("\xff", D2K_ARGUMENT, "expression: it is not UTF-8 text");
}

static void types_are_checked_where_known(void **state)
{
    (void)state;
    does_not_fit("1 + T", D2K_TYPE_INTEGER,
                 "expression, column 3: + expected two numbers, or times, found Integer and Text");
    does_not_fit("if I then 1 else 2", D2K_TYPE_INTEGER,
                 "expression, column 1: if expected a Boolean, found Integer");
    does_not_fit("B and I > 1 and not R", D2K_TYPE_BOOLEAN,
                 "expression, column 17: not expected a Boolean, found Real");
    does_not_fit("if B then 1 else T", D2K_TYPE_INTEGER,
                 "expression, column 1: if expected two values of one type, found Integer and "
                 "Text");
    does_not_fit("I / 2", D2K_TYPE_INTEGER,
                 "expression, column 1: expected a result of type Integer, it gives Real; "
                 "round() makes an Integer of it");
    does_not_fit("Missing > 1", D2K_TYPE_REAL,
                 "expression, column 1: expected a result of type Real, it gives Boolean");
    does_not_fit("Q < Q", D2K_TYPE_BOOLEAN,
                 "expression, column 3: < expected two values of one type that has an order, "
                 "found Quaternary and Quaternary");
    struct expression *e = parsed("Missing + 1");
    assert_int_equal(expression_check(e, D2K_TYPE_INTEGER, type_of, NULL, &err), D2K_OK);
    assert_int_equal(expression_check(e, D2K_TYPE_REAL, type_of, NULL, &err), D2K_OK);
    assert_int_equal(expression_check(e, D2K_TYPE_TEXT, type_of, NULL, &err), D2K_TYPE);
    expression_free(e);
}

static void repeat(char *to, size_t *at, const char *part, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        memcpy(to + *at, part, strlen(part));
        *at += strlen(part);
    }
    to[*at] = '\0';
}

static char text[2 * EXPRESSION_SIZE_MAX];

static void depth_is_limited(void **state)
{
    static const char *const levels[] = {"(", "-", "not ", "abs(", "if B then B else "};
    (void)state;
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        for (size_t over = 0; over < 2; over++) {
            size_t at = 0, depth = EXPRESSION_DEPTH_MAX + over;
            struct expression *e = NULL;
            repeat(text, &at, levels[i], depth);
            repeat(text, &at, "B", 1);
            repeat(text, &at, ")", strchr(levels[i], '(') != NULL ? depth : 0);
            assert_int_equal(expression_parse(slice_of(text), &e, &err),
                             over == 0 ? D2K_OK : D2K_LIMIT);
            expression_free(over == 0 ? e : NULL);
        }
    }
}

/* As much as can wait on the stack. */
static void the_deepest_is_evaluated(void **state)
{
    size_t at = 0;
    (void)state;
    repeat(text, &at, "false or true and true = (1 < 1 + 1 * (if ", EXPRESSION_DEPTH_MAX / 3);
    repeat(text, &at, "B", 1);
    repeat(text, &at, " then 1 else 2))", EXPRESSION_DEPTH_MAX / 3);
    gives_boolean(text, true);
}

static void size_is_limited(void **state)
{
    struct expression *e = NULL;
    size_t at = 0;
    (void)state;
    repeat(text, &at, "1", 1);
    repeat(text, &at, "+1", (EXPRESSION_SIZE_MAX - 2) / 2);
    repeat(text, &at, " ", 1);
    assert_int_equal(at, EXPRESSION_SIZE_MAX);
    gives_integer(text, EXPRESSION_SIZE_MAX / 2);
    repeat(text, &at, " ", 1);
    assert_int_equal(expression_parse(slice_of(text), &e, &err), D2K_LIMIT);
}

static void inputs_are_limited(void **state)
{
    (void)state;
    for (unsigned count = EXPRESSION_INPUTS_MAX; count <= EXPRESSION_INPUTS_MAX + 1; count++) {
        struct expression *e = NULL;
        int at = snprintf(text, sizeof text, "O0");
        for (unsigned i = 1; i < count; i++) {
            at += snprintf(text + at, sizeof text - (size_t)at, "+O%u+O0", i);
        }
        bool fits = count == EXPRESSION_INPUTS_MAX;
        assert_int_equal(expression_parse(slice_of(text), &e, &err), fits ? D2K_OK : D2K_LIMIT);
        expression_free(fits ? e : NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(arithmetic_has_priorities, reset),
        cmocka_unit_test_setup(numbers_are_read, reset),
        cmocka_unit_test_setup(functions_are_called, reset),
        cmocka_unit_test_setup(logic_and_comparison, reset),
        cmocka_unit_test_setup(a_state_is_compared_by_its_name, reset),
        cmocka_unit_test_setup(times_are_calculated, reset),
        cmocka_unit_test_setup(if_takes_one_branch, reset),
        cmocka_unit_test_setup(invalid_inputs_make_invalid_results, reset),
        cmocka_unit_test_setup(a_branch_not_taken_does_not_matter, reset),
        cmocka_unit_test_setup(what_has_no_result_is_invalid, reset),
        cmocka_unit_test_setup(status_and_time_pass_on, reset),
        cmocka_unit_test_setup(inputs_are_named_once, reset),
        cmocka_unit_test_setup(what_is_wrong_has_a_column, reset),
        cmocka_unit_test_setup(types_are_checked_where_known, reset),
        cmocka_unit_test_setup(depth_is_limited, reset),
        cmocka_unit_test_setup(the_deepest_is_evaluated, reset),
        cmocka_unit_test_setup(size_is_limited, reset),
        cmocka_unit_test_setup(inputs_are_limited, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
