/* fuzz_table_text.c: any bytes as the text of a table. What was read is a value that is written and
 * read again as it was. First byte: a type of elements, or a structure. */
#include <stdlib.h>
#include <string.h>

#include "base/content.h"
#include "base/table.h"
#include "fuzz.h"

static const d2k_column columns[] = {{D2K_TYPE_REAL, "Temp"}, {D2K_TYPE_TEXT, "Name"}};

static d2k_table *new_table(uint8_t choice)
{
    d2k_type element = (d2k_type)(choice % (D2K_TYPE_HOBJ + 2));
    d2k_table *table = NULL;
    d2k_result result = element >= D2K_TYPE_BOOLEAN && element <= D2K_TYPE_HOBJ
                            ? d2k_array_new(element, &table)
                            : d2k_structure_new(columns, 2, &table);
    fuzz_expect(result == D2K_OK);
    return table;
}

static void read_again(uint8_t choice, const d2k_value *value)
{
    size_t size = d2k_value_format(value, NULL, 0) + 1;
    char *text = malloc(size);
    d2k_table *table = new_table(choice);
    d2k_value again;
    fuzz_expect(text != NULL && d2k_value_format(value, text, size) == size - 1);
    fuzz_expect(d2k_table_from_text(table, text) == D2K_OK);
    fuzz_expect(d2k_table_value(table, &again) == D2K_OK);
    fuzz_expect(slice_equal(content_bytes(value), content_bytes(&again)));
    d2k_table_free(table);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    d2k_value value;
    if (size == 0) {
        return 0;
    }
    char *text = slice_copy((struct slice){(const char *)data + 1, size - 1});
    d2k_table *table = new_table(data[0]);
    fuzz_expect(text != NULL);
    if (d2k_table_from_text(table, text) == D2K_OK && d2k_table_value(table, &value) == D2K_OK) {
        fuzz_expect(content_check(&value, NULL) == D2K_OK);
        read_again(data[0], &value);
    } else {
        fuzz_expect(d2k_table_error_text(table)[0] != '\0');
    }
    d2k_table_free(table);
    free(text);
    return 0;
}
