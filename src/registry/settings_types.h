/* registry/settings_types.h: the types of values that the table is made of. */
#ifndef D2K_REGISTRY_SETTINGS_TYPES_H
#define D2K_REGISTRY_SETTINGS_TYPES_H

#include "registry/settings_table.h"

/* Each stores into the type that stands behind it. */
d2k_result setting_parse_path(const struct setting_type *type, const struct setting_input *input,
                              void *target); /* char *, malloc'ed */
d2k_result setting_parse_trusted_certs(const struct setting_type *type,
                                       const struct setting_input *input,
                                       void *target); /* struct tls_client_settings */
d2k_result setting_parse_choice(const struct setting_type *type, const struct setting_input *input,
                                void *target); /* an enum */
d2k_result setting_parse_flags(const struct setting_type *type, const struct setting_input *input,
                               void *target); /* unsigned: choices separated by ';', or-ed */
d2k_result setting_parse_unsigned(const struct setting_type *type,
                                  const struct setting_input *input, void *target); /* unsigned */
d2k_result setting_parse_u64(const struct setting_type *type, const struct setting_input *input,
                             void *target); /* uint64_t */
d2k_result setting_parse_application_name(const struct setting_type *type,
                                          const struct setting_input *input,
                                          void *target); /* char *, malloc'ed */
d2k_result setting_parse_address(const struct setting_type *type, const struct setting_input *input,
                                 void *target); /* only checked */

d2k_result setting_parse_patterns(const struct setting_type *type,
                                  const struct setting_input *input,
                                  void *target); /* only checked; min: enum rights_kind */
d2k_result setting_parse_rights(const struct setting_type *type, const struct setting_input *input,
                                void *target); /* only checked */

d2k_result setting_parse_words(const struct setting_type *type, const struct setting_input *input,
                               void *target); /* char **, static_words_parse() */
d2k_result setting_parse_environment(const struct setting_type *type,
                                     const struct setting_input *input,
                                     void *target); /* char **, each NAME=value */

/* "None, TLSNoPeerAuth" with this separator. Returns ret. */
char *setting_choices_text(const struct setting_choice *choices, const char *separator, char *ret,
                           size_t size);

#endif
