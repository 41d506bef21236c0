/* tests/programs/table_program.c: a process with an array and a structure, over libd2k only.
 *
 *     table_program <parameters of a client>
 *
 * Declares T.Profile (an Array) and T.Tanks (a Structure that takes commands), sets the user
 * variable Recipe, reads it back cell by cell, publishes both, prints each step, and then does
 * every command by publishing what it asks for, until its link ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <d2k/d2k.h>

#define PATIENCE_MS 10000

static const d2k_column element = {D2K_TYPE_REAL, NULL};
static const d2k_column tank[] = {{D2K_TYPE_REAL, "Temp"}, {D2K_TYPE_TEXT, "Name"}};

static d2k_client *client;
static d2k_object *profile, *tanks;

static void check(int is_right, const char *what)
{
    printf("%s: %s\n", is_right ? "ok" : "WRONG", what);
    (void)fflush(stdout);
    if (!is_right) {
        fprintf(stderr, "%s: %s\n", what, client != NULL ? d2k_client_error_text(client) : "");
        exit(EXIT_FAILURE);
    }
}

static void connect_client(int count, char **parameters)
{
    d2k_config *config = NULL;
    check(d2k_config_new("API", NULL, &config) == D2K_OK, "configuration");
    for (int i = 0; i < count; i++) {
        d2k_parameter what;
        check(d2k_config_parameter(config, parameters[i], &what) == D2K_OK, parameters[i]);
    }
    check(d2k_client_new(config, &client, NULL) == D2K_OK, "new client");
    check(d2k_client_connect(client, PATIENCE_MS) == D2K_OK, "connected");
}

/* The event that ends a request; others are dropped. */
static d2k_event await(uint64_t request, d2k_event_type type)
{
    d2k_event event;
    for (;;) {
        d2k_result result = d2k_client_next(client, &event, PATIENCE_MS);
        check(result == D2K_OK && event.type != D2K_EVENT_FAILED, "event");
        if (event.request == request && event.type == type) {
            return event;
        }
    }
}

static void declare(void)
{
    d2k_definition definition = {.size = sizeof definition,
                                 .name = "T.Profile",
                                 .type = D2K_TYPE_ARRAY,
                                 .history = 5,
                                 .columns = &element,
                                 .column_count = 1};
    check(d2k_define_with(client, &definition, &profile) == D2K_OK, "T.Profile");
    definition = (d2k_definition){.size = sizeof definition,
                                  .name = "T.Tanks",
                                  .type = D2K_TYPE_STRUCTURE,
                                  .writable = true,
                                  .columns = tank,
                                  .column_count = 2};
    check(d2k_define_with(client, &definition, &tanks) == D2K_OK, "T.Tanks");
    check(d2k_define(client, "T.None", D2K_TYPE_ARRAY, NULL, NULL, &(d2k_object *){NULL}) ==
              D2K_ARGUMENT,
          "an array without a type of its elements is refused");
}

static void publish(void)
{
    d2k_table *array, *rows;
    d2k_value value;
    check(d2k_array_new(D2K_TYPE_REAL, &array) == D2K_OK, "new array");
    for (int size = 0; size < 3; size++) {
        d2k_value cell = d2k_real(1.5 * size);
        check(d2k_table_value(array, &value) == D2K_OK, "array");
        check(d2k_publish(profile, &value) == D2K_OK, "array published");
        check(d2k_table_add(array, size == 1 ? NULL : &cell) == D2K_OK, "element");
    }
    check(d2k_publish(tanks, &value) == D2K_TYPE, "an array is no structure");
    check(d2k_structure_new(tank, 1, &rows) == D2K_OK && d2k_table_value(rows, &value) == D2K_OK &&
              d2k_publish(tanks, &value) == D2K_TYPE,
          "a column too few is refused");
    d2k_table_free(rows);
    check(d2k_structure_new(tank, 2, &rows) == D2K_OK, "new structure");
    check(d2k_table_from_text(rows, "[{\"Temp\": 81.5, \"Name\": \"Feed\"}]") == D2K_OK &&
              d2k_table_value(rows, &value) == D2K_OK && d2k_publish(tanks, &value) == D2K_OK,
          "structure published");
    d2k_table_free(rows);
    d2k_table_free(array);
}

static void read_back(void)
{
    uint64_t request;
    d2k_value cell;
    check(d2k_read(client, "Recipe", &request) == D2K_OK, "read");
    d2k_event object = await(request, D2K_EVENT_OBJECT);
    check(object.object->column_count == 2 && object.object->columns[1].type == D2K_TYPE_TEXT &&
              strcmp(object.object->columns[1].name, "Name") == 0,
          "its columns are told");
    d2k_event event = await(request, D2K_EVENT_VALUE);
    check(d2k_table_rows(event.value) == 2 && d2k_table_low(event.value) == 0, "two rows from 0");
    check(d2k_table_cell(event.value, 1, 1, &cell) && cell.content.text.size == 1 &&
              cell.content.text.data[0] == 'b',
          "a cell is found");
    check(d2k_table_cell(event.value, 1, 0, &cell) && cell.status == 0, "one is not valid");
}

static void set_recipe(void)
{
    d2k_table *rows;
    d2k_value value;
    uint64_t request = 0;
    check(d2k_structure_new(tank, 2, &rows) == D2K_OK &&
              d2k_table_from_text(rows, "{\"low\":0,\"values\":[{\"Temp\":1,\"Name\":\"a\"},"
                                        "{\"Temp\":null,\"Name\":\"b\"}]}") == D2K_OK &&
              d2k_table_value(rows, &value) == D2K_OK &&
              d2k_set(client, "Recipe", &value, D2K_SET_OUTCOME, &request) == D2K_OK,
          "Recipe is being set");
    d2k_table_free(rows);
    check(await(request, D2K_EVENT_WRITE_RESULT).result == D2K_OK, "Recipe is set");
}

static void do_commands(void)
{
    d2k_event event;
    char text[256];
    while (d2k_client_next(client, &event, -1) == D2K_OK) {
        if (event.type != D2K_EVENT_COMMAND) {
            continue;
        }
        (void)d2k_value_format(event.value, text, sizeof text);
        printf("command: %s\n", text);
        (void)fflush(stdout);
        d2k_value value = *event.value;
        value.time_ns = 0;
        uint64_t request = event.request;
        d2k_result result = d2k_publish(tanks, &value);
        check(d2k_answer_command(client, request, result, NULL) == D2K_OK, "answered");
    }
}

int main(int argc, char **argv)
{
    connect_client(argc - 1, argv + 1);
    declare();
    set_recipe(); /* when it is done the objects are declared, so that each value goes out */
    read_back();
    publish();
    do_commands();
    d2k_client_free(client);
    return EXIT_SUCCESS;
}
