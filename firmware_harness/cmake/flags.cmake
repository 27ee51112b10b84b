# Flags that every stage shares. TFLM's own defines change the layout of its structs: the library and
# all code that includes its headers must agree on them.
set(HIL_CPU_FLAGS "" CACHE STRING "CPU flags of the target")
set(HIL_OPTIMIZATION "-O2;-DNDEBUG" CACHE STRING "optimization flags")
set(HIL_SANITIZE "" CACHE STRING "sanitizers, for builds that run on the host")
set(HIL_TFLM_ROOT "" CACHE PATH "root of the TFLM source tree: the folder that holds tensorflow/")

set(CMAKE_CXX_STANDARD 11)
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
  set(downloads ${HIL_TFLM_ROOT}/tensorflow/lite/micro/tools/make/downloads)
  add_library(hil_tflm_usage INTERFACE)
  target_include_directories(hil_tflm_usage SYSTEM INTERFACE
    ${HIL_TFLM_ROOT}
    ${downloads}
    ${downloads}/gemmlowp
    ${downloads}/ruy
    ${downloads}/flatbuffers/include
  )
  target_compile_definitions(hil_tflm_usage INTERFACE
    TF_LITE_STATIC_MEMORY
    TF_LITE_MCU_DEBUG_LOG
    GEMMLOWP_ALLOW_SLOW_SCALAR_FALLBACK
  )
  target_compile_options(hil_tflm_usage INTERFACE
    -ffile-prefix-map=${HIL_TFLM_ROOT}=tflm
    -funsigned-char
    -fno-delete-null-pointer-checks
  )
endif()
