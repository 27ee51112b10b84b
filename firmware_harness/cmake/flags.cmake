# Flags that every stage shares. TFLM's own defines change the layout of its structs: its objects and
# all code that includes its headers must agree on them.
set(HIL_CPU_FLAGS "" CACHE STRING "CPU flags of the target")
set(HIL_OPTIMIZATION "-O2;-DNDEBUG" CACHE STRING "optimization flags")
set(HIL_SANITIZE "" CACHE STRING "sanitizers, for builds that run on the host")
set(HIL_CXX_STANDARD "11" CACHE STRING "C++ standard of the TFLM tree")
set(HIL_TFLM_ROOT "" CACHE PATH "root of the TFLM source tree: the folder that holds tensorflow/")
set(HIL_TFLM_COMPAT "" CACHE PATH "folder of the tree's tflm_compat.h")
set(HIL_TFLM_INCLUDES "" CACHE STRING "include folders of the TFLM tree")
set(HIL_TFLM_STUBS "" CACHE STRING "include folders of headers that the tree wants and lacks")
set(HIL_TFLM_DEFINES "" CACHE STRING "defines of the TFLM tree")
set(HIL_TFLM_PRELUDE "" CACHE STRING "header that each of the tree's C++ files gets first")
set(HIL_KERNEL_DEFINES "" CACHE STRING "defines of the kernel library")

set(CMAKE_CXX_STANDARD ${HIL_CXX_STANDARD})
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_C_STANDARD 11)

add_library(hil_flags INTERFACE)
target_compile_options(hil_flags INTERFACE
  ${HIL_CPU_FLAGS}
  ${HIL_OPTIMIZATION}
  -g1
  -ffunction-sections
  -fdata-sections
  -fno-common
  -fmessage-length=0
  -ffile-prefix-map=${CMAKE_SOURCE_DIR}=firmware_harness
  -ffile-prefix-map=${CMAKE_BINARY_DIR}=build
  $<$<BOOL:${HIL_CONFIG_DIR}>:-ffile-prefix-map=${HIL_CONFIG_DIR}=config>
  $<$<BOOL:${HIL_MODEL_DIR}>:-ffile-prefix-map=${HIL_MODEL_DIR}=model>
  $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti>
  $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions>
  $<$<COMPILE_LANGUAGE:CXX>:-fno-threadsafe-statics>
  $<$<COMPILE_LANGUAGE:CXX>:-fno-use-cxa-atexit>
)
if(HIL_SANITIZE)
  target_compile_options(hil_flags INTERFACE -fsanitize=${HIL_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(hil_flags INTERFACE -fsanitize=${HIL_SANITIZE})
endif()

if(HIL_TFLM_ROOT)
  add_library(hil_tflm_usage INTERFACE)
  target_include_directories(hil_tflm_usage SYSTEM INTERFACE ${HIL_TFLM_INCLUDES} ${HIL_TFLM_STUBS})
  target_include_directories(hil_tflm_usage INTERFACE
    ${HIL_TFLM_COMPAT} ${CMAKE_SOURCE_DIR}/tflm/common)
  target_compile_definitions(hil_tflm_usage INTERFACE ${HIL_TFLM_DEFINES})
  target_compile_options(hil_tflm_usage INTERFACE
    -ffile-prefix-map=${HIL_TFLM_ROOT}=tflm
    -funsigned-char
    -fno-delete-null-pointer-checks
  )
endif()
