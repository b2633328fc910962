#ifndef AURELAX_CYAML_SHIM_H
#define AURELAX_CYAML_SHIM_H
#include <yaml.h>
#endif
