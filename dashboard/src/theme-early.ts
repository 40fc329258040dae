// Sets the theme that a visitor chose before the first paint; without a choice the system's holds.
import { applyTheme, chosenTheme } from "./ui/theme";

applyTheme(chosenTheme());
