#include "unicorn_abi.h"

#include <dlfcn.h>
#include <stdio.h>

bool unicorn_load(const char *path, UnicornApi *api, char *error, size_t error_size) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    snprintf(error, error_size, "%s", dlerror());
    return false;
  }
  const struct {
    const char *name;
    void *slot;
  } symbols[] = {
      {"uc_open", &api->open},
      {"uc_close", &api->close},
      {"uc_emu_start", &api->emu_start},
      {"uc_emu_stop", &api->emu_stop},
      {"uc_reg_read", &api->reg_read},
      {"uc_reg_write", &api->reg_write},
      {"uc_hook_add", &api->hook_add},
      {"uc_hook_del", &api->hook_del},
      {"uc_mem_map_ptr", &api->mem_map_ptr},
      {"uc_mem_protect", &api->mem_protect},
      {"uc_mem_write", &api->mem_write},
      {"uc_mmio_map", &api->mmio_map},
      {"uc_ctl", &api->ctl},
      {"uc_strerror", &api->strerror},
  };
  for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
    void *address = dlsym(library, symbols[i].name);
    if (!address) {
      snprintf(error, error_size, "%s has no %s", path, symbols[i].name);
      return false;
    }
    *(void **)symbols[i].slot = address;
  }
  return true;
}
